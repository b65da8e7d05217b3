"""What a service keeps of events, in tables: its outbox, its inbox, and its read copies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, ProgrammingError

from services.common.engine import COUNTED, COUNTER
from services.common.envelopes import Envelope
from services.common.errors import Away
from services.common.storage import Connection, InstantColumn
from services.common.utils import now

metadata = sa.MetaData()
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("position", COUNTER, primary_key=True),
    sa.Column("subscriber", sa.String(80), nullable=False, index=True),
    sa.Column("event", sa.JSON, nullable=False),
    sa.Column("due_at", InstantColumn, nullable=False),
    sa.Column("rejected", sa.String(500), nullable=True),
    **COUNTED,
)
inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("received_at", InstantColumn, nullable=False),
)
read_copies = sa.Table(
    "read_copies",
    metadata,
    sa.Column("entity", sa.String(80), primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("removed", sa.Boolean, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)


@dataclass(frozen=True)
class Waiting:
    """An event that is on its way to a subscriber."""

    position: int
    """Its place in the outbox, which no other event has had."""
    subscriber: str
    event: dict[str, Any]
    """The envelope."""


async def publish(connection: Connection, envelope: Envelope, subscribers: Iterable[str]) -> None:
    """Put an event into the outbox, in the transaction of the change that caused it."""
    row = {"event": envelope.model_dump(mode="json"), "due_at": envelope.time}
    for subscriber in subscribers:
        await connection.execute(sa.insert(outbox).values(subscriber=subscriber, **row))


async def oldest(connection: Connection, limit: int) -> Sequence[Waiting]:
    """What waits for any subscriber, however long it was postponed, oldest first."""
    return await _waiting(connection, limit)


async def oldest_due(connection: Connection, subscriber: str) -> Waiting | None:
    """What a subscriber is to get now."""
    this = (outbox.c.subscriber == subscriber, outbox.c.due_at <= now())
    return next(iter(await _waiting(connection, 1, *this)), None)


async def _waiting(
    connection: Connection, limit: int, *conditions: sa.ColumnElement[bool]
) -> Sequence[Waiting]:
    query = (
        sa.select(outbox.c.position, outbox.c.subscriber, outbox.c.event)
        .where(outbox.c.rejected.is_(None), *conditions)
        .order_by(outbox.c.position)
        .limit(limit)
    )
    return [Waiting(*row) for row in await connection.execute(query)]


async def took(connection: Connection, positions: Collection[int]) -> None:
    """Remove what has arrived."""
    await connection.execute(sa.delete(outbox).where(outbox.c.position.in_(positions)))


async def postpone(connection: Connection, position: int, until: datetime) -> None:
    """Let an event wait, while those behind it go on."""
    change = sa.update(outbox).values(due_at=until)
    await connection.execute(change.where(outbox.c.position == position))


async def reject(connection: Connection, positions: Collection[int], reason: str) -> None:
    """Keep what a subscriber refused for good, with the reason; it is not sent again."""
    change = sa.update(outbox).values(rejected=reason)
    await connection.execute(change.where(outbox.c.position.in_(positions)))


async def counts(connection: Connection) -> dict[str, tuple[int, int]]:
    """How many events wait for each subscriber, and how many it refused.

    Raises:
        Away: The database was not migrated.
    """
    stored = sa.select(
        outbox.c.subscriber, sa.func.count(), sa.func.count(outbox.c.rejected)
    ).group_by(outbox.c.subscriber)
    try:
        rows = await connection.execute(stored)
    except ProgrammingError as error:
        raise Away("There is no outbox.") from error
    return {name: (all - refused, refused) for name, all, refused in rows}


async def was_handled(connection: Connection, event_id: UUID) -> bool:
    """Look an event up before work is done for it; only `is_new` is sure while two deliveries race."""
    known = sa.select(inbox.c.event_id).where(inbox.c.event_id == event_id)
    return await connection.scalar(known) is not None


async def is_new(connection: Connection, event_id: UUID) -> bool:
    """Remember an event as handled; false if it was already."""
    try:
        async with connection.begin_nested():
            await connection.execute(sa.insert(inbox).values(event_id=event_id, received_at=now()))
    except IntegrityError:
        return False
    return True


async def keep_copy(
    connection: Connection, entity: str, envelope: Envelope, *, removed: bool
) -> None:
    """Bring a read copy up to date; a version older than the copy's own came late and is dropped."""
    this = (read_copies.c.entity == entity) & (read_copies.c.id == envelope.subject)
    known = await connection.scalar(sa.select(read_copies.c.version).where(this))
    values = {"version": envelope.sequence, "removed": removed, "data": envelope.data}
    if known is None:
        row = {"entity": entity, "id": envelope.subject, **values}
        await connection.execute(sa.insert(read_copies).values(row))
    elif envelope.sequence >= known:
        await connection.execute(sa.update(read_copies).where(this).values(values))


async def find_copies(
    connection: Connection, entity: str, ids: Collection[UUID]
) -> dict[UUID, dict[str, Any]]:
    """The data of the read copies that are there, by id."""
    query = sa.select(read_copies.c.id, read_copies.c.data).where(
        read_copies.c.entity == entity, read_copies.c.id.in_(ids), ~read_copies.c.removed
    )
    return {row.id: row.data for row in await connection.execute(query)}
