"""The outbox of a service: events that wait for delivery, stored in the transaction of the change that caused them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

from services.common.db.columns import InstantColumn
from services.common.db.database import Connection
from services.common.db.engine import AUTOINCREMENT_OPTIONS, AUTOINCREMENT_TYPE
from services.common.errors import ServiceUnavailable
from services.common.messaging.envelope import Envelope, OutboxMessage
from services.common.utils import now

metadata = sa.MetaData()
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("position", AUTOINCREMENT_TYPE, primary_key=True),
    sa.Column("subscriber", sa.String(80), nullable=False, index=True),
    sa.Column("event", sa.JSON, nullable=False),
    sa.Column("due_at", InstantColumn, nullable=False),
    sa.Column("rejected", sa.String(500), nullable=True),
    **AUTOINCREMENT_OPTIONS,
)


async def add(connection: Connection, envelope: Envelope, subscribers: Iterable[str]) -> None:
    """Store an event for each of its subscribers."""
    row = {"event": envelope.model_dump(mode="json"), "due_at": envelope.time}
    for subscriber in subscribers:
        await connection.execute(sa.insert(outbox).values(subscriber=subscriber, **row))


async def oldest(connection: Connection, limit: int) -> Sequence[OutboxMessage]:
    """Read the oldest messages of all subscribers, postponed ones included."""
    return await _select(connection, limit)


async def next_due(connection: Connection, subscriber: str) -> OutboxMessage | None:
    """Read the oldest message of a subscriber that is not postponed."""
    due = (outbox.c.subscriber == subscriber, outbox.c.due_at <= now())
    return next(iter(await _select(connection, 1, *due)), None)


async def _select(
    connection: Connection, limit: int, *conditions: sa.ColumnElement[bool]
) -> Sequence[OutboxMessage]:
    query = (
        sa.select(outbox.c.position, outbox.c.subscriber, outbox.c.event)
        .where(outbox.c.rejected.is_(None), *conditions)
        .order_by(outbox.c.position)
        .limit(limit)
    )
    return [OutboxMessage(*row) for row in await connection.execute(query)]


async def remove_delivered(connection: Connection, positions: Collection[int]) -> None:
    """Remove messages that were delivered."""
    await connection.execute(sa.delete(outbox).where(outbox.c.position.in_(positions)))


async def postpone(connection: Connection, position: int, until: datetime) -> None:
    """Put a message off, so that those behind it are delivered first."""
    change = sa.update(outbox).values(due_at=until)
    await connection.execute(change.where(outbox.c.position == position))


async def mark_rejected(connection: Connection, positions: Collection[int], reason: str) -> None:
    """Keep messages that are given up, with the reason; they are sent again only if they are replayed."""
    change = sa.update(outbox).values(rejected=reason)
    await connection.execute(change.where(outbox.c.position.in_(positions)))


async def rejected(connection: Connection) -> Sequence[tuple[OutboxMessage, str]]:
    """Read the messages that were rejected, each with the reason."""
    query = sa.select(outbox).where(outbox.c.rejected.is_not(None)).order_by(outbox.c.position)
    return [
        (OutboxMessage(it.position, it.subscriber, it.event), it.rejected)
        for it in await connection.execute(query)
    ]


async def send_again(connection: Connection, position: int) -> None:
    """Deliver a message that was rejected."""
    change = sa.update(outbox).values(rejected=None, due_at=now())
    await connection.execute(change.where(outbox.c.position == position))


async def counts(connection: Connection) -> dict[str, tuple[int, int]]:
    """Count the waiting and the rejected messages of each subscriber.

    Raises:
        ServiceUnavailable: The database was not migrated.
    """
    stored = sa.select(
        outbox.c.subscriber, sa.func.count(), sa.func.count(outbox.c.rejected)
    ).group_by(outbox.c.subscriber)
    try:
        rows = await connection.execute(stored)
    except ProgrammingError as error:
        raise ServiceUnavailable("There is no outbox.") from error
    return {subscriber: (all - rejected, rejected) for subscriber, all, rejected in rows}
