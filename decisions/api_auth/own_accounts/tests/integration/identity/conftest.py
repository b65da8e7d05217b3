"""Fixtures of the tests of accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import httpx2
import pytest
import pytest_asyncio
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from services.common.auth.callers import Caller
from services.common.config import Settings
from services.common.runtime import Runtime
from services.identity import mail, models
from services.identity.login import accounts, logins, passwords, stored, throttle
from tests.fixtures import logins as ways
from tests.fixtures.people import AsOwner, Clock, Mails
from tests.fixtures.system import System

numbers = count()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still."""
    standing = Clock()
    for module in (accounts, logins, stored):
        monkeypatch.setattr(module, "now", standing)
    return standing


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with little work; `test_passwords.py` does it as it is done."""
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(passwords, "HASHER", quick)
    monkeypatch.setattr(passwords, "UNKNOWN", quick.hash("of nobody"))


@pytest.fixture(autouse=True)
def nobody_tried_yet() -> None:
    """Let no test count the attempts of another."""
    for it in (
        throttle.LOGINS_BY_ACCOUNT,
        throttle.LOGINS_BY_ACCOUNT_AND_ADDRESS,
        throttle.LOGINS_BY_ADDRESS,
        throttle.MAILS_BY_ADDRESS,
        throttle.RESETS_BY_ACCOUNT,
        throttle.SIGN_UPS_BY_ACCOUNT,
    ):
        it.attempts.clear()


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def logins_known(system: System) -> AsyncIterator[None]:
    """Let the services know who has logged in."""
    async with ways.known(system):
        yield


@pytest.fixture(autouse=True)
def mails(monkeypatch: pytest.MonkeyPatch) -> Mails:
    """What was sent: the kind of mail, to whom, and the token."""
    sent: Mails = []

    async def sign_up(email: str, token: str, settings: Settings) -> None:
        sent.append(("sign_up", email, token))

    async def already(email: str, settings: Settings) -> None:
        sent.append(("already", email, ""))

    async def reset(email: str, token: str, settings: Settings) -> None:
        sent.append(("reset", email, token))

    monkeypatch.setattr(mail, "send_sign_up", sign_up)
    monkeypatch.setattr(mail, "send_already_signed_up", already)
    monkeypatch.setattr(mail, "send_reset", reset)
    return sent


@pytest.fixture
def email() -> str:
    """An address that no other test has."""
    return f"person{next(numbers)}@site.example"


@pytest.fixture
def runtime(system: System) -> Runtime:
    return system.runtime("identity")


@pytest.fixture
def as_owner(system: System) -> AsOwner:
    """The headers of the owner of an account, who is logged in."""

    def headers(account: models.UserAccount) -> dict[str, str]:
        caller = Caller(str(account.id), is_service=False, roles=frozenset(account.roles))
        return system.headers_of(caller, "identity")

    return headers


@pytest_asyncio.fixture(loop_scope="session")
async def client(system: System) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who proves nothing."""
    async with system.client("identity", {}) as client:
        yield client
