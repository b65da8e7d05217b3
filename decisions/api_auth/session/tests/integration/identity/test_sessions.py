"""Sessions: what begins one, what ends it, and that nothing else lets anybody in."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx2
import pytest

from services.common.api.versioning import PREFIX
from services.common.auth import authentication
from services.common.auth.authentication import (
    COOKIE_OVER_HTTP,
    CSRF_HEADER,
    SESSION_PATH,
    csrf_token,
)
from services.common.auth.callers import SERVICE_CALLER, Caller
from services.common.errors import Unauthorized
from services.common.runtime import Runtime
from services.common.transaction import Records
from services.identity import models
from services.identity.login import logins as kept
from services.identity.login.accounts import Accounts
from tests.fixtures import logins
from tests.fixtures.logins import Login
from tests.fixtures.people import (
    ANOTHER,
    PASSWORD,
    Clock,
    Mails,
    log_in,
    new_account,
    post,
    sessions_of,
    set_password,
)
from tests.fixtures.system import System

A_MOMENT = timedelta(microseconds=1)


async def asked(login: Login) -> Caller:
    """Who a service is told that calls; raises `Unauthorized`."""
    settings = login.system.runtime("identity").settings
    return await authentication.authenticate(f"{COOKIE_OVER_HTTP}={login.session}", settings)


async def change_password(login: Login, to: str = ANOTHER) -> httpx2.Response:
    body = {"current_password": PASSWORD, "password": to}
    return await login.request("PUT", "/account/password", json=body)


async def test_who_logs_in_gets_a_cookie_that_no_page_reads(
    client: httpx2.AsyncClient, runtime: Runtime, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await new_account(runtime, email)
    answer = await post(client, "/logins", email=email, password=PASSWORD)
    session = answer.cookies[COOKIE_OVER_HTTP]
    assert answer.headers["Set-Cookie"] == f"session={session}; HttpOnly; Path=/; SameSite=lax"
    assert answer.json()["csrf_token"] == csrf_token(session)
    assert session not in answer.text
    monkeypatch.setattr(runtime.settings, "session_over_http", False)
    answer = await post(client, "/logins", email=email, password=PASSWORD)
    name, _, attributes = answer.headers["Set-Cookie"].partition("=")
    assert name == "__Host-session"
    assert attributes.endswith("; HttpOnly; Path=/; SameSite=lax; Secure")
    assert "Domain" not in attributes


async def test_a_session_tells_services_the_account_and_the_roles_that_it_has_now(
    runtime: Runtime, email: str, system: System
) -> None:
    account = await new_account(runtime, email, "reader")
    login = await log_in(system, email)
    assert await asked(login) == Caller(
        str(account.id), is_service=False, roles=frozenset({"reader"})
    )
    await Accounts(runtime).set_role(email, "reader", granted=False)
    assert not (await asked(login)).roles


async def test_a_session_that_nobody_began_is_none(
    client: httpx2.AsyncClient, runtime: Runtime, email: str, system: System
) -> None:
    await new_account(runtime, email)
    login = await log_in(system, email)
    id, _, secret = login.session.partition(".")
    row = await Records(runtime, SERVICE_CALLER).first(models.LoginSession)
    assert row is not None
    guesses = [
        "",
        "x",
        id,
        f"{id}.",
        f".{secret}",
        f"{id}.{secret[:-1]}",
        f"{id}.{secret.swapcase()}",
        f"{id}.{row.token_hash}",
        f"{'0' * 32}.{secret}",
        f" {login.session}",
        "é.é",
    ]
    for guess in guesses:
        answer = await client.post(SESSION_PATH, content=guess.encode())
        assert (answer.status_code, guess and guess in answer.text) == (401, guess and False)
    assert (await client.post(SESSION_PATH, content=login.session)).status_code == 200
    assert (await client.post(SESSION_PATH, content=b"\xff\x00")).status_code == 401


async def test_the_token_of_a_mail_is_no_session_and_no_session_is_one(
    client: httpx2.AsyncClient, runtime: Runtime, mails: Mails, email: str, system: System
) -> None:
    await new_account(runtime, email)
    login = await log_in(system, email)
    await post(client, "/password-resets", email=email)
    assert (await client.post(SESSION_PATH, content=mails[-1][2])).status_code == 401
    assert (await set_password(client, login.session, ANOTHER)).status_code == 401


async def test_who_logs_in_never_gets_the_session_that_was_sent(
    runtime: Runtime, email: str, system: System
) -> None:
    for it in (email, f"other-{email}"):
        await new_account(runtime, it)
    planted = await log_in(system, f"other-{email}")
    body = {"email": email, "password": PASSWORD}
    answer = await planted.request("POST", "/logins", json=body)
    own = logins.of(system, answer)
    assert own.session != planted.session
    assert [await logins.counts(it) for it in (own, planted)] == [True, False]


async def test_who_fails_to_log_in_keeps_the_session_of_before(
    runtime: Runtime, email: str, system: System
) -> None:
    await new_account(runtime, email)
    login = await log_in(system, email)
    body = {"email": email, "password": ANOTHER}
    answer = await login.request("POST", "/logins", json=body)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (401, False)
    assert await logins.counts(login)


@pytest.mark.parametrize(("early", "counts"), [(A_MOMENT, True), (timedelta(), False)])
async def test_a_session_that_is_not_used_ends(
    runtime: Runtime, email: str, clock: Clock, system: System, early: timedelta, counts: bool
) -> None:
    await new_account(runtime, email)
    login = await log_in(system, email)
    idle = timedelta(minutes=runtime.settings.session_idle_minutes)
    for _ in range(3):
        clock.time += idle - A_MOMENT
        assert await logins.counts(login)
    clock.time += idle - early
    assert await logins.counts(login) is counts


@pytest.mark.parametrize(("early", "counts"), [(A_MOMENT, True), (timedelta(), False)])
async def test_a_session_ends_however_much_it_is_used(
    runtime: Runtime, email: str, clock: Clock, system: System, early: timedelta, counts: bool
) -> None:
    await new_account(runtime, email)
    login, begins = await log_in(system, email), clock.time
    ends = begins + timedelta(hours=runtime.settings.session_hours)
    while clock.time < ends - timedelta(minutes=20):
        clock.time += timedelta(minutes=10)
        assert await logins.counts(login)
    clock.time = ends - early
    assert await logins.counts(login) is counts


async def test_that_a_session_is_used_is_noted_now_and_then(
    runtime: Runtime, email: str, clock: Clock, system: System
) -> None:
    account = await new_account(runtime, email)
    login = await log_in(system, email)

    async def used() -> timedelta:
        [row] = await Records(runtime, SERVICE_CALLER).many(models.LoginSession, account=account.id)
        return row.used_at - begins

    begins = clock.time
    step = timedelta(minutes=runtime.settings.session_idle_minutes) / kept.NOTED_PER_TIMEOUT
    clock.time = begins + step - A_MOMENT
    await asked(login)
    assert await used() == timedelta()
    clock.time = begins + step
    await asked(login)
    assert await used() == step


async def test_a_page_reads_again_what_it_sends_with_changes(
    runtime: Runtime, email: str, system: System
) -> None:
    await new_account(runtime, email)
    login = await log_in(system, email)
    answer = await login.request("GET", "/session")
    assert answer.json()["csrf_token"] == login.csrf_token
    assert set(answer.json()) == {"csrf_token", "expires_at"}


async def test_who_logs_out_forgets_the_cookie(
    runtime: Runtime, email: str, system: System
) -> None:
    await new_account(runtime, email)
    for method, path in (("DELETE", "/session"), ("DELETE", "/account/logins")):
        login = await log_in(system, email)
        answer = await login.request(method, path)
        assert (answer.status_code, "Max-Age=0" in answer.headers["Set-Cookie"]) == (204, True)
        assert not await logins.counts(login)
        assert (await login.request(method, path)).status_code == 401


async def test_another_password_begins_another_session_and_ends_all_others(
    runtime: Runtime, email: str, system: System
) -> None:
    account = await new_account(runtime, email)
    login, other = await log_in(system, email), await log_in(system, email)
    own = logins.of(system, await change_password(login))
    assert own.session != login.session
    assert [await logins.counts(it) for it in (own, login, other)] == [True, False, False]
    assert await sessions_of(runtime, account) == 1


async def test_no_session_outlives_a_change_that_it_is_used_during(
    runtime: Runtime, email: str, system: System, clock: Clock
) -> None:
    account = await new_account(runtime, email)
    login, *others = [await log_in(system, email) for _ in range(5)]
    # Late enough that each use is noted, which could bring back what the change has ended.
    clock.time += timedelta(minutes=runtime.settings.session_idle_minutes / 2)
    using = asyncio.gather(*map(logins.counts, others))
    changed, _ = await asyncio.gather(change_password(login), using)
    assert changed.status_code == 200
    assert not any([await logins.counts(it) for it in (login, *others)])
    assert await sessions_of(runtime, account) == 1


async def test_who_logs_out_while_the_session_is_used_is_out(
    runtime: Runtime, email: str, system: System, clock: Clock
) -> None:
    account = await new_account(runtime, email)
    login = await log_in(system, email)
    clock.time += timedelta(minutes=runtime.settings.session_idle_minutes / 2)
    await asyncio.gather(*(logins.counts(login) for _ in range(5)), logins.end(login))
    with pytest.raises(Unauthorized):
        await asked(login)
    assert await sessions_of(runtime, account) == 0


async def test_of_two_changes_at_once_one_wins(
    runtime: Runtime, email: str, system: System
) -> None:
    account = await new_account(runtime, email)
    one, other = await log_in(system, email), await log_in(system, email)
    answers = await asyncio.gather(
        change_password(one), change_password(other, "vast moth under glue")
    )
    assert sorted(it.status_code for it in answers) == [200, 401]
    assert await sessions_of(runtime, account) == 1


async def test_the_session_of_an_account_that_is_none_any_more_is_none(
    runtime: Runtime, email: str, system: System
) -> None:
    account = await new_account(runtime, email)
    login = await log_in(system, email)
    async with Records(runtime, SERVICE_CALLER).begin() as transaction:
        await transaction.delete(account)
    with pytest.raises(Unauthorized):
        await asked(login)


async def test_of_a_session_the_hash_alone_is_kept(
    runtime: Runtime, email: str, system: System
) -> None:
    account = await new_account(runtime, email)
    login = await log_in(system, email)
    [row] = await Records(runtime, SERVICE_CALLER).many(models.LoginSession, account=account.id)
    text = row.model_dump_json() + repr(row)
    assert not [it for it in (*logins.secrets_of(login), login.csrf_token) if it in text]


async def test_no_response_with_a_session_is_stored_for_a_repeated_request(
    client: httpx2.AsyncClient, runtime: Runtime, email: str
) -> None:
    await new_account(runtime, email)
    body, key = {"email": email, "password": PASSWORD}, {"Idempotency-Key": email}
    answers = [await client.post(f"{PREFIX}/logins", json=body, headers=key) for _ in range(2)]
    assert len({it.cookies[COOKIE_OVER_HTTP] for it in answers}) == 2
    assert {it.headers["Cache-Control"] for it in answers} == {"no-store"}
    assert all(CSRF_HEADER not in it.headers for it in answers)
