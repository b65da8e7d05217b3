"""Passwords: which are accepted, how they are kept, and that a flood of them holds up nothing else."""

from __future__ import annotations

import asyncio
import threading

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from services.common.errors import RuleViolation, ServiceUnavailable
from services.identity.login import passwords
from services.identity.login.passwords import MAX_LENGTH, MIN_LENGTH, Workers

EMAIL = "ada@site.example"
GOOD = "correct horse battery"


@pytest.mark.parametrize(
    "password",
    [GOOD, "ĝis la revido, mi", "vast moth under glue", "x7-Kq!2v_Lw9#Rz"],
)
async def test_any_characters_make_a_password(password: str) -> None:
    await passwords.require_good(password, EMAIL)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        (GOOD[: MIN_LENGTH - 1], "at least 15"),
        ("e\u0301" * 8, "at least 15"),  # eight characters, however they are encoded
        ("abcd" * 4, "early"),
        ("passwordPassword", "early"),
        ("123456789012345", "early"),
        ("qwertyuiopasdfgh", "early"),
        ("1q2w3e4r5t6y7u8i9o0p", "early"),
        ("password12345678", "early"),
        ("P@ssw0rd123456789", "early"),
        ("administrator123", "early"),
        ("iloveyouiloveyou1", "early"),
        ("passwordstandard", "early"),
        ("1qaz2wsx3edc4rfv", "early"),
        ("2000-01-01-2000", "early"),
        (f"{EMAIL}1", "early"),
        (f"my {EMAIL.upper()}", "early"),
        ("a" * MAX_LENGTH, "early"),
    ],
)
async def test_a_password_that_is_guessed_early_is_refused(password: str, reason: str) -> None:
    with pytest.raises(RuleViolation, match=reason) as caught:
        await passwords.require_good(password, EMAIL)
    assert caught.value.fields == ("password",)
    assert password not in str(caught.value)
    assert EMAIL not in str(caught.value).lower()


async def test_a_password_is_kept_as_an_argon2_hash_of_its_own() -> None:
    one, other = await passwords.hashed(GOOD), await passwords.hashed(GOOD)
    assert one != other
    assert one.startswith("$argon2id$")
    assert await passwords.matches(GOOD, one) == (True, None)
    assert await passwords.matches(GOOD + " ", one) == (False, None)


async def test_a_password_is_the_same_however_it_is_encoded() -> None:
    known = await passwords.hashed("ﬁne cafe\u0301 passphrase")
    assert await passwords.matches("fine café passphrase", known) == (True, None)


async def test_a_hash_of_older_parameters_is_replaced() -> None:
    older = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)).hash(GOOD)
    is_right, newer = await passwords.matches(GOOD, older)
    assert is_right and newer is not None
    assert await passwords.matches(GOOD, newer) == (True, None)
    assert await passwords.matches("another", older) == (False, None)


async def test_without_an_account_a_password_is_compared_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[str] = []
    verify = PasswordHash.verify

    def counted(self: PasswordHash, password: str | bytes, hash: str | bytes) -> bool:
        compared.append(str(hash))
        return verify(self, password, hash)

    monkeypatch.setattr(PasswordHash, "verify", counted)
    assert await passwords.matches(GOOD, None) == (False, None)
    assert compared == [passwords.UNKNOWN]


async def test_hashes_are_computed_beside_other_work_and_few_at_once() -> None:
    workers, running, most = Workers(at_once=2, max_waiting=2), 0, 0
    lock, go_on = threading.Lock(), threading.Event()

    def work() -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        go_on.wait(5)
        with lock:
            running -= 1
        return threading.current_thread().name

    tasks = [asyncio.create_task(workers.run(work)) for _ in range(4)]
    await asyncio.sleep(0.05)
    with pytest.raises(ServiceUnavailable) as caught:
        await workers.run(work)
    assert caught.value.headers["Retry-After"]
    go_on.set()
    assert threading.main_thread().name not in await asyncio.gather(*tasks)
    assert most == 2
    assert await workers.run(lambda: "free again") == "free again"


async def test_a_place_is_free_again_when_a_caller_hangs_up() -> None:
    workers, go_on = Workers(at_once=1, max_waiting=0), threading.Event()
    task = asyncio.create_task(workers.run(lambda: go_on.wait(5)))
    await asyncio.sleep(0.05)
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await workers.run(lambda: 1) == 1
