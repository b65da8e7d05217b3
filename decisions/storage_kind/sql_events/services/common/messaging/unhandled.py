"""The events that a service could not handle: each waits to be retried, or is rejected with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.common.db.columns import InstantColumn
from services.common.db.database import Connection
from services.common.db.engine import AUTOINCREMENT_OPTIONS, AUTOINCREMENT_TYPE
from services.common.messaging.envelope import Envelope, UnhandledEvent

metadata = sa.MetaData()
unhandled_events = sa.Table(
    "unhandled_events",
    metadata,
    sa.Column("position", AUTOINCREMENT_TYPE, primary_key=True),
    sa.Column("event_id", sa.Uuid, nullable=False, unique=True),
    sa.Column("subject", sa.Uuid, nullable=False, index=True),
    sa.Column("event", sa.JSON, nullable=False),
    sa.Column("due_at", InstantColumn, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("rejected", sa.Boolean, nullable=False),
    **AUTOINCREMENT_OPTIONS,
)


async def add(connection: Connection, envelope: Envelope, **values: Any) -> None:
    """Keep an event; it is kept once, however often it is delivered."""
    row = {
        "event_id": envelope.id,
        "subject": envelope.subject,
        "event": envelope.model_dump(mode="json"),
    }
    try:
        async with connection.begin_nested():
            await connection.execute(sa.insert(unhandled_events).values(row | values))
    except IntegrityError:
        return


async def all_events(connection: Connection) -> Sequence[UnhandledEvent]:
    """Read all, in their order."""
    return await _select(connection, sa.select(unhandled_events))


async def about(connection: Connection, subject: UUID) -> Sequence[UnhandledEvent]:
    """Read those about a record, in their order."""
    query = sa.select(unhandled_events).where(unhandled_events.c.subject == subject)
    return await _select(connection, query)


async def has_due(connection: Connection, at: datetime) -> bool:
    """Whether one is to be tried again."""
    return await connection.scalar(_due(at).limit(1)) is not None


async def next_due(connection: Connection, at: datetime) -> UnhandledEvent | None:
    """Read and lock the first that is to be tried again.

    Where a database locks rows, those that others have locked are skipped; elsewhere one transaction writes at a time.
    """
    query = _due(at).limit(1).with_for_update(skip_locked=True)
    return next(iter(await _select(connection, query)), None)


async def update(connection: Connection, position: int, **values: Any) -> None:
    """Change when and how often an event is tried, or reject it."""
    change = sa.update(unhandled_events).values(values)
    await connection.execute(change.where(unhandled_events.c.position == position))


async def remove(connection: Connection, position: int) -> None:
    """Remove an event."""
    known = unhandled_events.c.position == position
    await connection.execute(sa.delete(unhandled_events).where(known))


async def counts(connection: Connection) -> tuple[int, int]:
    """Count those that are tried again, and those that are rejected."""
    column = unhandled_events.c.rejected
    rows = await connection.execute(sa.select(column, sa.func.count()).group_by(column))
    by_state = {bool(rejected): count for rejected, count in rows}
    return by_state.get(False, 0), by_state.get(True, 0)


def _due(at: datetime) -> sa.Select[Any]:
    column = unhandled_events.c
    return sa.select(unhandled_events).where(column.rejected.is_(False), column.due_at <= at)


async def _select(connection: Connection, query: sa.Select[Any]) -> Sequence[UnhandledEvent]:
    rows = await connection.execute(query.order_by(unhandled_events.c.position))
    return [
        UnhandledEvent(
            row.position,
            Envelope.model_validate(row.event),
            row.due_at,
            row.tries,
            row.reason,
            row.rejected,
        )
        for row in rows
    ]
