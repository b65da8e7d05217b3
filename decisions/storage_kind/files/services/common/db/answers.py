"""The answers to requests with an `Idempotency-Key`: a folder with a document for each.

A document is named after the end of its time and its id, so that the names alone tell which time is over.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.common.db.database import Connection, Table
from services.common.models import Answer
from services.common.utils import now

IDEMPOTENCY_KEY = Table("idempotency_key")


async def find(connection: Connection, id: UUID) -> Answer | None:
    """Read an answer, unless its time is over."""
    for name in await connection.names(IDEMPOTENCY_KEY):
        if name.endswith(f".{id}") and not _is_over(name, now()):
            document = await connection.get(IDEMPOTENCY_KEY, name)
            return Answer.model_validate(document) if document else None
    return None


async def add(connection: Connection, answer: Answer) -> bool:
    """Store an answer; false if there is one with its id."""
    if await find(connection, answer.id):
        return False
    name = f"{_microseconds(answer.expires_at):020}.{answer.id}"
    connection.put(IDEMPOTENCY_KEY, name, answer.model_dump(mode="json"))
    return True


async def remove_expired(connection: Connection, at: datetime) -> None:
    """Remove the answers whose time is over."""
    for name in await connection.names(IDEMPOTENCY_KEY):
        if _is_over(name, at):
            connection.remove(IDEMPOTENCY_KEY, name)


def _is_over(name: str, at: datetime) -> bool:
    return int(name.partition(".")[0]) <= _microseconds(at)


def _microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)
