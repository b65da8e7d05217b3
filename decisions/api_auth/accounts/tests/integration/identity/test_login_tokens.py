"""Logins by tokens: what a refresh token is good for, and what ends it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr

from services.common.api.versioning import PREFIX
from services.common.auth import authentication
from services.common.errors import Unauthorized
from services.common.runtime import Runtime
from services.identity.login import signing
from services.identity.login.accounts import Accounts
from tests.fixtures.credentials import KEYS_URL, SIGNING_KEYS
from tests.fixtures.people import (
    ANOTHER,
    PASSWORD,
    AsOwner,
    Clock,
    Mails,
    new_account,
    post,
    sessions_of,
    set_password,
)


async def log_in(client: httpx2.AsyncClient, email: str) -> dict[str, Any]:
    response = await post(client, "/logins", email=email, password=PASSWORD)
    assert response.status_code == 201
    found: dict[str, Any] = response.json()
    return found


async def refresh(client: httpx2.AsyncClient, tokens: dict[str, Any]) -> httpx2.Response:
    return await post(client, "/logins/refresh", refresh_token=tokens["refresh_token"])


async def test_who_logs_in_gets_tokens_by_which_all_services_know_them(
    client: httpx2.AsyncClient, runtime: Runtime, email: str
) -> None:
    account = await new_account(runtime, email, "reader")
    tokens = await log_in(client, email)
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 15 * 60)
    caller = await authentication.authenticate(tokens["access_token"], runtime.settings)
    assert (caller.name, sorted(caller.roles)) == (str(account.id), ["reader"])


@pytest.mark.parametrize("token", ["x", "." * 9, "0" * 32, f"{'0' * 32}.secret", "é.é"])
async def test_a_refresh_token_that_nobody_issued_is_refused(
    client: httpx2.AsyncClient, token: str
) -> None:
    assert (await refresh(client, {"refresh_token": token})).status_code == 401
    ended = await post(client, "/logins/end", refresh_token=token)
    assert ended.status_code == 204


async def test_half_a_character_is_no_refresh_token(client: httpx2.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    body = '{"refresh_token": "\\ud800"}'
    answer = await client.post(f"{PREFIX}/logins/refresh", content=body, headers=headers)
    assert (answer.status_code, "surrogate" in answer.text) == (422, True)


async def test_who_has_logged_out_stays_out(
    client: httpx2.AsyncClient, runtime: Runtime, email: str
) -> None:
    await new_account(runtime, email)
    tokens = await log_in(client, email)
    for _ in range(2):
        ended = await post(client, "/logins/end", refresh_token=tokens["refresh_token"])
        assert ended.status_code == 204
    assert (await refresh(client, tokens)).status_code == 401


async def test_a_token_is_of_use_for_one_thing_alone(
    client: httpx2.AsyncClient, runtime: Runtime, mails: Mails, email: str
) -> None:
    account = await new_account(runtime, email)
    tokens = await log_in(client, email)
    await post(client, "/password-resets", email=email)
    of_mail = mails[-1][2]
    assert (await set_password(client, tokens["refresh_token"], ANOTHER)).status_code == 401
    assert (await set_password(client, tokens["access_token"][:255], ANOTHER)).status_code == 401
    assert (await refresh(client, {"refresh_token": of_mail})).status_code == 401
    for text in (tokens["refresh_token"], of_mail):
        with pytest.raises(Unauthorized):
            await authentication.authenticate(text, runtime.settings)
    assert await sessions_of(runtime, account) == 1


async def test_a_refresh_token_that_is_used_twice_ends_the_login(
    client: httpx2.AsyncClient, runtime: Runtime, email: str
) -> None:
    await new_account(runtime, email)
    first, other = await log_in(client, email), await log_in(client, email)
    second = (await refresh(client, first)).json()
    third = (await refresh(client, second)).json()
    assert len({it["refresh_token"] for it in (first, second, third)}) == 3
    assert (await refresh(client, first)).status_code == 401
    assert (await refresh(client, third)).status_code == 401
    assert (await refresh(client, other)).status_code == 200


async def test_of_two_refreshes_at_once_one_wins_and_the_login_ends(
    client: httpx2.AsyncClient, runtime: Runtime, email: str
) -> None:
    account = await new_account(runtime, email)
    tokens = await log_in(client, email)
    answers = await asyncio.gather(*(refresh(client, tokens) for _ in range(5)))
    assert sorted(it.status_code for it in answers) == [200, 401, 401, 401, 401]
    [won] = [it.json() for it in answers if it.is_success]
    assert (await refresh(client, won)).status_code == 401
    assert await sessions_of(runtime, account) == 0


async def test_no_login_outlives_a_change_that_it_is_refreshed_during(
    client: httpx2.AsyncClient, runtime: Runtime, email: str, as_owner: AsOwner
) -> None:
    account = await new_account(runtime, email)
    before = [await log_in(client, email) for _ in range(4)]
    change = client.put(
        f"{PREFIX}/account/password",
        json={"current_password": PASSWORD, "password": ANOTHER},
        headers=as_owner(account),
    )
    changed, *refreshed = await asyncio.gather(change, *(refresh(client, it) for it in before))
    assert changed.status_code == 200
    after = [it.json() for it in refreshed if it.is_success]
    assert {(await refresh(client, it)).status_code for it in (*before, *after)} == {401}
    assert await sessions_of(runtime, account) == 1


async def test_no_response_with_tokens_is_stored_for_a_repeated_request(
    client: httpx2.AsyncClient, runtime: Runtime, email: str
) -> None:
    await new_account(runtime, email)
    body, key = {"email": email, "password": PASSWORD}, {"Idempotency-Key": email}
    answers = [await client.post(f"{PREFIX}/logins", json=body, headers=key) for _ in range(2)]
    assert answers[0].json()["refresh_token"] != answers[1].json()["refresh_token"]
    assert {it.headers["Cache-Control"] for it in answers} == {"no-store"}


async def test_roles_are_in_the_next_token_once_they_are_granted(
    client: httpx2.AsyncClient, runtime: Runtime, email: str
) -> None:
    await new_account(runtime, email)
    tokens = await log_in(client, email)
    for granted in (True, False):
        await Accounts(runtime).set_role(email, "editor", granted=granted)
        tokens = (await refresh(client, tokens)).json()
        caller = await authentication.authenticate(tokens["access_token"], runtime.settings)
        assert ("editor" in caller.roles) is granted


async def test_an_access_token_ends_soon(
    client: httpx2.AsyncClient,
    runtime: Runtime,
    email: str,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signing, "now", clock)
    await new_account(runtime, email)
    clock.time -= timedelta(minutes=runtime.settings.access_token_minutes, seconds=15)
    tokens = await log_in(client, email)
    with pytest.raises(Unauthorized, match="expired"):
        await authentication.authenticate(tokens["access_token"], runtime.settings)


async def test_a_key_is_replaced_while_tokens_of_the_one_before_count(
    runtime: Runtime, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await new_account(runtime, email)
    older = signing.access_token(account, runtime.settings)
    new = {"new": signing.new_key()}
    monkeypatch.setitem(SIGNING_KEYS, "new", new["new"])
    provider = authentication.provider_of(KEYS_URL, in_development=True)
    keys = {name: SecretStr(key) for name, key in {**new, **SIGNING_KEYS}.items()}
    replaced = runtime.settings.model_copy(update={"identity_signing_keys": keys})
    newer = signing.access_token(account, replaced)
    provider.asked_at = float("-inf")
    for token in (older, newer):
        caller = await authentication.authenticate(token, runtime.settings)
        assert UUID(caller.name) == account.id


async def test_everybody_finds_the_public_keys_and_none_that_signs(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.get(authentication.KEYS_PATH)
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    (key,) = answer.json()["keys"]
    assert (key["kid"], key["alg"], key["crv"]) == ("development", "EdDSA", "Ed25519")
    assert "d" not in key


@pytest.mark.parametrize(
    ("early", "status"), [(timedelta(microseconds=1), 200), (timedelta(), 401)]
)
async def test_a_login_ends_however_often_it_is_refreshed(
    client: httpx2.AsyncClient,
    runtime: Runtime,
    email: str,
    clock: Clock,
    early: timedelta,
    status: int,
) -> None:
    await new_account(runtime, email)
    tokens = await log_in(client, email)
    ends = clock.time + timedelta(days=runtime.settings.login_days)
    clock.time += timedelta(days=1)
    tokens = (await refresh(client, tokens)).json()
    clock.time = ends - early
    assert (await refresh(client, tokens)).status_code == status
