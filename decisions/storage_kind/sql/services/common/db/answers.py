"""The answers to requests with an `Idempotency-Key`: a table in the database of each service."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.common.db.columns import InstantColumn, record_columns
from services.common.db.database import Connection
from services.common.models import Answer
from services.common.utils import now


def table(metadata: sa.MetaData) -> sa.Table:
    """The table, as each service has it."""
    return sa.Table(
        "idempotency_key",
        metadata,
        *record_columns(),
        sa.Column("fingerprint", sa.String(255), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("headers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("expires_at", InstantColumn, nullable=False, index=True),
    )


idempotency_key = table(sa.MetaData())


async def find(connection: Connection, id: UUID) -> Answer | None:
    """Read an answer, unless its time is over."""
    key = idempotency_key.c
    known = sa.select(idempotency_key).where(key.id == id, key.expires_at > now())
    row = (await connection.execute(known)).one_or_none()
    return Answer.model_validate(row._mapping) if row else None


async def add(connection: Connection, answer: Answer) -> bool:
    """Store an answer; false if there is one with its id."""
    try:
        async with connection.begin_nested():
            await connection.execute(sa.insert(idempotency_key).values(answer.model_dump()))
    except IntegrityError:
        return False
    return True


async def remove_expired(connection: Connection, at: datetime) -> None:
    """Remove the answers whose time is over."""
    expired = idempotency_key.c.expires_at <= at
    await connection.execute(sa.delete(idempotency_key).where(expired))
