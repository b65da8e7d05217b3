"""What is kept of the tokens that somebody was given: a hash, until they end.

A token is the id of what it is for, and 256 random bits, of which a fast hash suffices: nobody guesses them.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from contextlib import suppress
from typing import TypeVar
from uuid import UUID

from services.common.auth.authentication import CHALLENGE
from services.common.errors import NotFound, Unauthorized, VersionConflict
from services.common.transaction import Transaction
from services.common.utils import now, secrets_match
from services.identity import models

SecretT = TypeVar("SecretT", models.EmailToken, models.LoginSession)
"""What is found by a token."""

EXPIRED_AT_ONCE = 20
"""How many expired rows a change removes besides what it is for."""


def new_secret() -> str:
    """The random part of a token."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """What is kept of it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def joined(id: UUID, secret: str) -> str:
    """A token as somebody gets it."""
    return f"{id.hex}.{secret}"


def parts(token: str) -> tuple[UUID, str]:
    """The id and the secret of a token; raises `Unauthorized`."""
    if not (read := re.fullmatch(r"([0-9a-f]{32})\.(.*)", token)):
        raise invalid_token()
    return UUID(hex=read[1]), read[2]


def invalid_token() -> Unauthorized:
    """What to say of a token that does not count, whatever the reason."""
    return Unauthorized("The token is not valid, or not any more.", CHALLENGE)


def is_valid(found: models.EmailToken | models.LoginSession, secret: str) -> bool:
    """Whether a secret is the current one of what it is for, and that has not ended."""
    return secrets_match(found.token_hash, hash_of(secret)) and now() < found.expires_at


def valid(found: models.EmailToken | None, secret: str) -> models.EmailToken:
    """What a token is for; raises `Unauthorized`."""
    if found is None or not is_valid(found, secret):
        raise invalid_token()
    return found


async def locked(transaction: Transaction, model: type[SecretT], id: UUID) -> SecretT | None:
    """What a token is for, which nobody else changes meanwhile."""
    try:
        [found] = await transaction.lock(model, id)
    except NotFound:
        return None
    return found


async def delete_all(transaction: Transaction, found: list[SecretT]) -> None:
    """Let tokens count no more; somebody else may do so meanwhile."""
    for it in found:
        if current := await locked(transaction, type(it), it.id):
            await transaction.delete(current)


async def delete_expired(transaction: Transaction, model: type[SecretT]) -> None:
    """Remove some of what has expired, so that it does not pile up."""
    oldest = await transaction.many(model, order_by="expires_at", limit=EXPIRED_AT_ONCE)
    # In the order in which others lock them, too, so that no two wait for each other.
    for it in sorted(oldest, key=lambda it: it.id):
        if it.expires_at <= now():
            with suppress(NotFound, VersionConflict):  # somebody else removes it
                async with transaction.savepoint():
                    await transaction.delete(it)
