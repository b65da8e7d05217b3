"""Acceptance of FR-001, sign up and log in."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import jwt
import pytest

from services.common.utils import now
from tests.acceptance.conftest import PASSWORD, Person, SignUp
from tests.fixtures.system import System


@pytest.mark.requirement("FR-001-AC1")
async def test_who_signs_up_has_a_token(anybody: Person) -> None:
    name = uuid4().hex
    user = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    answer = await anybody.page.post("/api/users", json={"user": user})
    assert answer.status_code == 201
    signed_up = answer.json()["user"]
    token = {"Authorization": f"Token {signed_up.pop('token')}"}
    known = {"username": name, "email": f"{name}@example.com", "bio": None, "image": None}
    assert signed_up == known
    current = (await anybody.page.get("/api/user", headers=token)).json()["user"]
    assert current.items() >= known.items()


@pytest.mark.requirement("FR-001-AC2")
async def test_a_username_and_an_address_are_taken_once(anybody: Person, sign_up: SignUp) -> None:
    taken = (await sign_up()).username
    new = {"username": uuid4().hex, "email": f"{uuid4().hex}@example.com", "password": PASSWORD}
    for field, value in (("username", taken), ("email", f"{taken}@example.com")):
        answer = await anybody.page.post("/api/users", json={"user": new | {field: value}})
        assert answer.status_code == 409
        assert answer.json() == {"errors": {field: ["has already been taken"]}}


@pytest.mark.requirement("FR-001-AC3")
async def test_the_right_password_opens_what_is_theirs(anybody: Person, sign_up: SignUp) -> None:
    user = await sign_up()
    credentials = {"email": f"{user.username}@example.com", "password": PASSWORD}
    answer = await anybody.page.post("/api/users/login", json={"user": credentials})
    assert answer.status_code == 200
    token = {"Authorization": f"Token {answer.json()['user']['token']}"}
    current = await anybody.page.get("/api/user", headers=token)
    assert current.json()["user"]["username"] == user.username
    for wrong in ({"password": "wrong"}, {"email": f"not-{user.username}@example.com"}):
        answer = await anybody.page.post("/api/users/login", json={"user": credentials | wrong})
        assert answer.status_code == 401
        assert answer.json() == {"errors": {"credentials": ["invalid"]}}


@pytest.mark.requirement("FR-001-AC4")
async def test_without_a_valid_token_nothing_is_open(
    system: System, anybody: Person, sign_up: SignUp
) -> None:
    user = await sign_up()
    valid = user.page.headers["Authorization"].removeprefix("Token ")
    key = system.apps["conduit"].state.settings.token_key.get_secret_value()
    expired = jwt.decode(valid, key, ["HS256"]) | {"exp": now() - timedelta(seconds=1)}
    nobodys = {"sub": str(uuid4()), "exp": now() + timedelta(hours=1)}
    tokens = {
        "Token " + jwt.encode(expired, key),
        "Token " + jwt.encode(nobodys, key),
        "Token " + jwt.encode(nobodys, "another key, which is as long as it has to be"),
        "Token nonsense",
        f"Basic {valid}",
    }
    for token in tokens:
        answer = await anybody.page.get("/api/user", headers={"Authorization": token})
        assert (answer.status_code, answer.json()) == (401, {"errors": {"token": ["is invalid"]}})
    answer = await anybody.page.get("/api/user")
    assert (answer.status_code, answer.json()) == (401, {"errors": {"token": ["is missing"]}})


@pytest.mark.requirement("FR-001-AC5")
async def test_what_a_change_does_not_name_stays(anybody: Person, sign_up: SignUp) -> None:
    user = await sign_up()

    async def change(**values: str | None) -> dict[str, object]:
        answer = await user.page.put("/api/user", json={"user": values})
        assert answer.status_code == 200
        return {it: answer.json()["user"][it] for it in ("username", "email", "bio", "image")}

    image = "https://example.com/me.png"
    before = await change(bio="I write.", image=image)
    assert before.items() >= {"bio": "I write.", "image": image}.items()
    assert await change() == before
    assert await change(image="") == before | {"image": None}
    assert await change(bio=None, image=image) == before | {"bio": None}
    await change(password="another one")
    credentials = {"email": before["email"], "password": "another one"}
    answer = await anybody.page.post("/api/users/login", json={"user": credentials})
    assert answer.status_code == 200
    answer = await user.page.put("/api/user", json={"user": {"email": None, "username": " "}})
    blank = ["can't be blank"]
    assert answer.status_code == 422
    assert answer.json() == {"errors": {"email": blank, "username": blank}}
