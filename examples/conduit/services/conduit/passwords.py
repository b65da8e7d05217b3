"""Passwords, of which only an Argon2id hash is kept (RFC 9106)."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from pydantic import SecretStr

HASHER = PasswordHasher()
NOBODYS_HASH = HASHER.hash("")
"""Compared with where there is no user, so that the time of an answer does not tell who has signed up."""


async def hash_of(password: SecretStr) -> str:
    """The hash to keep of a password."""
    return await asyncio.to_thread(HASHER.hash, password.get_secret_value())


async def matches(password: SecretStr, password_hash: str) -> bool:
    """Whether a hash is that of a password."""
    try:
        # It takes a while on purpose, and other requests go on meanwhile.
        await asyncio.to_thread(HASHER.verify, password_hash, password.get_secret_value())
    except VerificationError:
        return False
    return True
