"""Passwords: which ones are accepted, and how they are kept."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from pwdlib import PasswordHash
from zxcvbn import zxcvbn  # type: ignore[import-untyped]

from services.common.errors import RuleViolation, ServiceUnavailable

T = TypeVar("T")

MIN_LENGTH = 15
"""Of a password that is the only proof; nothing is asked of its characters (NIST SP 800-63B-4, section 3.1.1.2)."""
MAX_LENGTH = 128
"""Longer than any passphrase, and short enough to be normalized at once."""
MIN_GUESSES = 10**10
"""As many as whoever has the hashes does not try; lists of common passwords, words, names, keyboards and dates come first."""
JUDGED_LENGTH = 72
"""How much of a password is looked at: what comes behind cannot make it worse."""

AT_ONCE = os.cpu_count() or 1
"""Hashes that are computed at once: each takes a core, and 64 MiB of memory."""
MAX_WAITING = 16 * AT_ONCE
"""Hashes that wait; further requests are refused, so that a flood does not make everybody wait for minutes."""

HASHER = PasswordHash.recommended()
UNKNOWN = HASHER.hash(secrets.token_urlsafe())
"""Compared with where there is no account, so that this takes as long as a wrong password."""


class Workers:
    """The threads in which hashes are computed, so that other requests go on meanwhile."""

    def __init__(self, at_once: int = AT_ONCE, max_waiting: int = MAX_WAITING) -> None:
        self.free = asyncio.Semaphore(at_once)
        self.places = at_once + max_waiting

    async def run(self, work: Callable[[], T]) -> T:
        """Do some work in a thread.

        Raises:
            ServiceUnavailable: Too much waits already.
        """
        if not self.places:
            raise ServiceUnavailable("Too many passwords are being checked.")
        self.places -= 1
        try:
            async with self.free:
                return await asyncio.to_thread(work)
        finally:
            self.places += 1


WORKERS = Workers()


def normalized(password: str) -> str:
    """One spelling of what keyboards and systems encode differently (NFKC)."""
    return unicodedata.normalize("NFKC", password)


async def require_good(password: str, email: str) -> None:
    """Refuse a password that is guessed early.

    Raises:
        RuleViolation: It is too short, common, a pattern, or made from the address of the account.
        ServiceUnavailable: Too much waits already.
    """
    if reason := await WORKERS.run(lambda: reason_against(normalized(password), email)):
        raise RuleViolation(reason, "password")


def reason_against(password: str, email: str) -> str:
    """Why a password is not accepted; empty if it is."""
    if len(password) < MIN_LENGTH:
        return f"A password has at least {MIN_LENGTH} characters."
    # Words that whoever guesses at this account tries first.
    own = [email, *re.findall(r"\w+", email)]
    judged = zxcvbn(password[:JUDGED_LENGTH], user_inputs=own)
    if judged["guesses"] >= MIN_GUESSES:
        return ""
    reason = judged["feedback"]["warning"] or "It is made of what everybody tries first."
    return f"The password would be guessed early. {reason.rstrip('.')}."


async def hashed(password: str) -> str:
    """The hash by which a password is kept; raises `ServiceUnavailable`."""
    return await WORKERS.run(lambda: HASHER.hash(normalized(password)))


async def matches(password: str, known: str | None) -> tuple[bool, str | None]:
    """Whether a password is that of a hash, and the hash by which to replace one of older parameters.

    Args:
        known: The hash, or None where there is no account.

    Raises:
        ServiceUnavailable: Too much waits already.
    """
    tried = normalized(password)
    if known is None:
        await WORKERS.run(lambda: HASHER.verify(tried, UNKNOWN))
        return False, None
    return await WORKERS.run(lambda: HASHER.verify_and_update(tried, known))
