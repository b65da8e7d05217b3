"""Accounts over HTTP: signing up, logging in, and all that must not work."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from services.common.api.versioning import PREFIX
from services.common.auth.authentication import CHALLENGE
from services.common.auth.callers import SERVICE_CALLER
from services.common.config import Settings
from services.common.errors import Unauthorized
from services.common.runtime import Runtime
from services.common.transaction import Records
from services.identity import mail, models
from services.identity.login import mailing, passwords, throttle
from services.identity.login.accounts import Accounts
from tests.fixtures import logins
from tests.fixtures.people import (
    ANOTHER,
    PASSWORD,
    AsOwner,
    Clock,
    Mails,
    log_in,
    new_account,
    post,
    sessions_of,
    set_password,
    told,
)
from tests.fixtures.system import System


async def test_somebody_signs_up_and_logs_in(
    client: httpx2.AsyncClient,
    runtime: Runtime,
    mails: Mails,
    email: str,
    monkeypatch: pytest.MonkeyPatch,
    as_owner: AsOwner,
    system: System,
) -> None:
    monkeypatch.setattr(runtime.settings, "sign_up_roles", ["reader"])
    asked = await post(client, "/accounts", email=email.upper())
    assert (asked.status_code, asked.content) == (202, b"")
    [(kind, to, token)] = mails
    assert (kind, to) == ("sign_up", email)
    assert await Records(runtime, SERVICE_CALLER).first(models.UserAccount, email=email) is None

    assert (await set_password(client, token, PASSWORD)).status_code == 204
    assert await logins.counts(await log_in(system, email.title()))
    account = await Records(runtime, SERVICE_CALLER).first(models.UserAccount, email=email)
    assert account and account.roles == ["reader"]
    own = await client.get(f"{PREFIX}/account", headers=as_owner(account))
    assert own.json() == {"id": str(account.id), "email": email, "roles": ["reader"]}


async def test_nobody_learns_from_a_request_for_a_mail_whether_there_is_an_account(
    client: httpx2.AsyncClient, runtime: Runtime, mails: Mails, email: str
) -> None:
    await new_account(runtime, email)
    for path in ("/accounts", "/password-resets"):
        known = await post(client, path, email=email)
        unknown = await post(client, path, email=f"not-{email}")
        assert told(known) == told(unknown)
    assert [(kind, to) for kind, to, _ in mails] == [
        ("already", email),
        ("sign_up", f"not-{email}"),
        ("reset", email),
    ]


@pytest.mark.parametrize("path", ["/accounts", "/password-resets"])
async def test_neither_an_answer_nor_the_next_one_waits_for_what_depends_on_an_account(
    client: httpx2.AsyncClient,
    email: str,
    path: str,
    mails: Mails,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = asyncio.Event()
    look_up = Records.first

    async def wait(*of: Any, **values: Any) -> Any:
        await go_on.wait()
        return await look_up(*of, **values)

    monkeypatch.setattr(Records, "first", wait)
    for _ in range(2):
        asked = await client.post(f"{PREFIX}{path}", json={"email": email})
        assert asked.status_code == 202
    go_on.set()
    await mailing.all_sent()


@pytest.mark.parametrize("path", ["/accounts", "/password-resets"])
async def test_the_same_is_stored_whether_or_not_there_is_an_account(
    client: httpx2.AsyncClient, runtime: Runtime, email: str, path: str, mails: Mails
) -> None:
    await new_account(runtime, email)
    for to in (email, f"not-{email}"):
        await post(client, path, email=to)
        assert len(await Records(runtime, SERVICE_CALLER).many(models.EmailToken, email=to)) == 1


async def test_a_wrong_password_and_an_unknown_account_are_answered_alike(
    client: httpx2.AsyncClient, runtime: Runtime, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await new_account(runtime, email)
    hashes = 0
    run = passwords.WORKERS.run

    async def counted(work: Any) -> Any:
        nonlocal hashes
        hashes += 1
        return await run(work)

    monkeypatch.setattr(passwords.WORKERS, "run", counted)
    wrong = await post(client, "/logins", email=email, password=ANOTHER)
    assert hashes == 1
    unknown = await post(client, "/logins", email=f"not-{email}", password=ANOTHER)
    assert hashes == 2
    assert told(wrong) == told(unknown)
    assert (wrong.status_code, wrong.headers["WWW-Authenticate"]) == (401, CHALLENGE)


async def test_the_token_of_a_mail_is_used_once(
    client: httpx2.AsyncClient, mails: Mails, email: str
) -> None:
    await post(client, "/accounts", email=email)
    token = mails[-1][2]
    refused = await set_password(client, token, "too short")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "body.password")
    answers = await asyncio.gather(
        set_password(client, token, PASSWORD), set_password(client, token, ANOTHER)
    )
    assert sorted(it.status_code for it in answers) == [204, 401]
    assert (await set_password(client, token, PASSWORD)).status_code == 401


@pytest.mark.parametrize(
    ("early", "status"), [(timedelta(microseconds=1), 204), (timedelta(), 401)]
)
async def test_the_token_of_a_mail_ends(
    client: httpx2.AsyncClient,
    runtime: Runtime,
    mails: Mails,
    email: str,
    clock: Clock,
    early: timedelta,
    status: int,
) -> None:
    await post(client, "/accounts", email=email)
    clock.time += timedelta(minutes=runtime.settings.mail_token_minutes) - early
    assert (await set_password(client, mails[-1][2], PASSWORD)).status_code == status


@pytest.mark.parametrize("path", ["/accounts", "/password-resets"])
async def test_mails_that_somebody_else_asks_for_make_none_useless(
    client: httpx2.AsyncClient, runtime: Runtime, mails: Mails, email: str, path: str
) -> None:
    if path == "/password-resets":
        await new_account(runtime, email)
    for _ in range(runtime.settings.mails_per_account):
        await post(client, path, email=email)
    (_, _, oldest), *_, (_, _, newest) = mails
    assert (await set_password(client, oldest, PASSWORD)).status_code == 204
    # What was chosen ends the others.
    assert (await set_password(client, newest, ANOTHER)).status_code == 401


async def test_of_two_mails_used_at_once_one_makes_the_account(
    client: httpx2.AsyncClient, mails: Mails, email: str
) -> None:
    for _ in range(2):
        await post(client, "/accounts", email=email)
    answers = await asyncio.gather(*(set_password(client, it, PASSWORD) for _, _, it in mails))
    assert sorted(it.status_code for it in answers) == [204, 401]


async def test_a_mail_counts_as_long_as_further_ones_may_be_refused(runtime: Runtime) -> None:
    counts_s = runtime.settings.mail_token_minutes * 60
    assert counts_s >= throttle.RESETS_BY_ACCOUNT.window_s == throttle.SIGN_UPS_BY_ACCOUNT.window_s


async def test_who_signs_up_for_others_does_not_use_up_their_resets(
    client: httpx2.AsyncClient, runtime: Runtime, mails: Mails, email: str
) -> None:
    await new_account(runtime, email)
    for _ in range(runtime.settings.mails_per_account + 1):
        await post(client, "/accounts", email=email)
    assert (await post(client, "/password-resets", email=email)).status_code == 202
    assert [kind for kind, _, _ in mails][-1] == "reset"


@pytest.mark.parametrize("token", ["x", "." * 9, "0" * 32, f"{'0' * 32}.secret", "é.é"])
async def test_a_token_that_nobody_issued_is_refused(
    client: httpx2.AsyncClient, token: str
) -> None:
    assert (await set_password(client, token, PASSWORD)).status_code == 401


async def test_a_reset_ends_all_logins(
    client: httpx2.AsyncClient, runtime: Runtime, mails: Mails, email: str, system: System
) -> None:
    await new_account(runtime, email, "reader")
    before = [await log_in(system, email), await log_in(system, email)]
    await post(client, "/password-resets", email=email)
    assert (await set_password(client, mails[-1][2], ANOTHER)).status_code == 204
    assert [await logins.counts(it) for it in before] == [False, False]
    wrong = await post(client, "/logins", email=email, password=PASSWORD)
    assert wrong.status_code == 401
    assert await logins.counts(await log_in(system, email, ANOTHER))


async def test_a_new_login_removes_those_that_have_ended(
    runtime: Runtime, email: str, clock: Clock, system: System
) -> None:
    account = await new_account(runtime, email)
    for _ in range(5):
        await log_in(system, email)
    clock.time += logins.lifetime(runtime.settings)
    await asyncio.gather(*(log_in(system, email) for _ in range(3)))
    assert await sessions_of(runtime, account) == 3


async def test_who_has_logged_out_is_out(runtime: Runtime, email: str, system: System) -> None:
    await new_account(runtime, email)
    login, other = await log_in(system, email), await log_in(system, email)
    assert (await logins.end(login)).status_code == 204
    assert [await logins.counts(it) for it in (login, other)] == [False, True]


async def test_somebody_logs_out_everywhere(
    client: httpx2.AsyncClient, runtime: Runtime, email: str, as_owner: AsOwner, system: System
) -> None:
    account = await new_account(runtime, email)
    before = [await log_in(system, email) for _ in range(2)]
    ended = await client.delete(f"{PREFIX}/account/logins", headers=as_owner(account))
    assert ended.status_code == 204
    assert [await logins.counts(it) for it in before] == [False, False]


async def test_a_password_is_changed_by_who_knows_it(
    client: httpx2.AsyncClient,
    runtime: Runtime,
    mails: Mails,
    email: str,
    as_owner: AsOwner,
    system: System,
) -> None:
    account = await new_account(runtime, email)
    before = await log_in(system, email)
    await post(client, "/password-resets", email=email)

    async def change(current: str, password: str) -> httpx2.Response:
        body = {"current_password": current, "password": password}
        return await client.put(f"{PREFIX}/account/password", json=body, headers=as_owner(account))

    assert (await change(ANOTHER, ANOTHER)).status_code == 401
    assert (await change(PASSWORD, "too short")).status_code == 409
    assert await logins.counts(before)
    changed = await change(PASSWORD, ANOTHER)
    assert changed.status_code == 200
    assert await sessions_of(runtime, account) == 1
    assert [await logins.counts(it) for it in (before, logins.of(system, changed))] == [False, True]
    assert (await set_password(client, mails[-1][2], PASSWORD)).status_code == 401
    await log_in(system, email, ANOTHER)


@pytest.mark.parametrize("by", ["login", "change"])
async def test_a_hash_of_older_parameters_is_replaced_once_the_password_is_proved(
    client: httpx2.AsyncClient,
    runtime: Runtime,
    email: str,
    by: str,
    monkeypatch: pytest.MonkeyPatch,
    as_owner: AsOwner,
    system: System,
) -> None:
    account = await new_account(runtime, email)
    newer = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(passwords, "HASHER", newer)
    if by == "login":
        await log_in(system, email)
    else:
        body = {"current_password": PASSWORD, "password": PASSWORD}
        path, headers = f"{PREFIX}/account/password", as_owner(account)
        assert (await client.put(path, json=body, headers=headers)).status_code == 200
    records = Records(runtime, SERVICE_CALLER)
    kept = (await records.get(models.UserAccount, account.id)).password_hash
    assert (",t=1," in account.password_hash, ",t=2," in kept) == (True, True)
    await log_in(system, email)


async def test_what_is_for_owners_of_accounts_is_for_nobody_else(
    client: httpx2.AsyncClient, runtime: Runtime, email: str, as_owner: AsOwner, system: System
) -> None:
    account = await new_account(runtime, email)
    path = f"{PREFIX}/account"
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=system.proof_for("identity"))).status_code == 403
    headers = as_owner(account)
    async with Records(runtime, SERVICE_CALLER).begin() as transaction:
        await transaction.delete(account)
    assert (await client.get(path, headers=headers)).status_code == 401


async def test_nobody_takes_a_role(
    client: httpx2.AsyncClient, runtime: Runtime, mails: Mails, email: str
) -> None:
    body = {"email": email, "roles": ["administrator"]}
    refused = await client.post(f"{PREFIX}/accounts", json=body)
    assert refused.status_code == 422
    assert not mails
    await post(client, "/accounts", email=email)
    chosen = {"token": mails[-1][2], "password": PASSWORD}
    sent = await client.put(f"{PREFIX}/password", json={**chosen, "roles": ["administrator"]})
    assert sent.status_code == 422
    await set_password(client, **chosen)
    account = await Records(runtime, SERVICE_CALLER).first(models.UserAccount, email=email)
    assert account and account.roles == runtime.settings.sign_up_roles


async def test_attempts_for_an_account_are_limited(
    client: httpx2.AsyncClient, runtime: Runtime, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.settings, "logins_per_account", 3)
    await new_account(runtime, email)

    async def attempts(to: str, *tried: str) -> list[int]:
        answers = [await post(client, "/logins", email=to, password=it) for it in tried]
        return [it.status_code for it in answers]

    assert await attempts(email, ANOTHER, ANOTHER, PASSWORD) == [401, 401, 201]
    # A login that succeeds clears the count.
    assert await attempts(email, ANOTHER, ANOTHER, ANOTHER, PASSWORD) == [401, 401, 401, 429]
    assert await attempts(f"not-{email}", *[ANOTHER] * 4) == [401, 401, 401, 429]
    refused = await post(client, "/logins", email=email.upper(), password=PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 900


async def test_who_guesses_elsewhere_does_not_lock_the_owner_out(
    runtime: Runtime, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.settings, "logins_per_account_and_address", 2)
    await new_account(runtime, email)
    service = Accounts(runtime)
    for error in (Unauthorized, Unauthorized, throttle.TooManyAttempts):
        with pytest.raises(error):
            await service.log_in(email, ANOTHER, "192.0.2.1")
    assert await service.log_in(email, PASSWORD, "192.0.2.2")
    with pytest.raises(throttle.TooManyAttempts):
        await service.log_in(email, PASSWORD, "192.0.2.1")


async def test_half_a_character_is_refused(client: httpx2.AsyncClient) -> None:
    body = '{"email": "ada@site.example", "password": "\\ud800"}'
    headers = {"Content-Type": "application/json"}
    answer = await client.post(f"{PREFIX}/logins", content=body, headers=headers)
    assert answer.status_code == 422
    assert "surrogate" in answer.text


async def test_attempts_from_an_address_are_limited(
    client: httpx2.AsyncClient, runtime: Runtime, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.settings, "logins_per_address", 3)
    for number in range(3):
        answer = await post(client, "/logins", email=f"{number}{email}", password=ANOTHER)
        assert answer.status_code == 401
    refused = await post(client, "/logins", email=email, password=ANOTHER)
    assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)
    assert (await set_password(client, "a-token", PASSWORD)).status_code == 429


@pytest.mark.parametrize("path", ["/accounts", "/password-resets"])
async def test_mails_are_limited_whether_or_not_there_is_an_account(
    client: httpx2.AsyncClient,
    runtime: Runtime,
    mails: Mails,
    email: str,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime.settings, "mails_per_account", 1)
    monkeypatch.setattr(runtime.settings, "mails_per_address", 3)
    await new_account(runtime, email)
    for to in (email, f"not-{email}"):
        answers = [await post(client, path, email=to) for _ in range(2)]
        assert [it.status_code for it in answers] == [202, 429]
        mails.clear()
    last = await post(client, path, email=f"other-{email}")
    assert last.status_code == 429
    assert not mails


@pytest.mark.parametrize("length", [0, 129, 200_000])
async def test_a_password_that_is_empty_or_endless_is_not_hashed(
    client: httpx2.AsyncClient, email: str, length: int
) -> None:
    answer = await post(client, "/logins", email=email, password="a" * length)
    assert answer.status_code == 422


async def test_nothing_secret_is_stored_logged_or_repeated(
    client: httpx2.AsyncClient,
    runtime: Runtime,
    mails: Mails,
    email: str,
    system: System,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    await post(client, "/accounts", email=email)
    await set_password(client, mails[-1][2], PASSWORD)
    login = await log_in(system, email)
    secrets = [PASSWORD, *logins.secrets_of(login)]
    await logins.counts(login)
    await logins.end(login)
    await post(client, "/password-resets", email=email)
    wrong = await client.post(f"{PREFIX}/logins", json={"email": email, "password": [PASSWORD]})
    missing = await client.post(f"{PREFIX}/logins", json={"password": PASSWORD})
    assert (wrong.status_code, missing.status_code) == (422, 422)
    secrets += [part for _, _, it in mails for part in (it, it.partition(".")[2])]
    records = Records(runtime, SERVICE_CALLER)
    stored = [
        await records.many(it)
        for it in (models.UserAccount, models.LoginSession, models.EmailToken)
    ]
    output = capsys.readouterr()
    places = (repr(stored), caplog.text, output.out, output.err, wrong.text, missing.text)
    rows = "".join(it.model_dump_json() for kind in stored for it in kind)
    assert not [it for it in secrets for place in (*places, rows) if it in place]


async def test_a_mail_that_fails_is_logged_without_what_it_holds(
    client: httpx2.AsyncClient, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[dict[str, Any]] = []

    async def fail(email: str, token: str, settings: Settings) -> None:
        raise ConnectionError(f"could not send {token}")

    monkeypatch.setattr(mail, "send_sign_up", fail)
    monkeypatch.setattr(mailing.log, "error", lambda event, **more: logged.append(more))
    assert (await post(client, "/accounts", email=email)).status_code == 202
    assert logged == [{"error": "ConnectionError"}]
