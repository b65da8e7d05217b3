"""The inbox of a service: the events that it has handled, so that a redelivered one changes nothing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.common.db.columns import InstantColumn
from services.common.db.database import Connection
from services.common.messaging.envelope import first_id
from services.common.utils import now

metadata = sa.MetaData()
inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("received_at", InstantColumn, nullable=False),
)


async def contains(connection: Connection, event_id: UUID) -> bool:
    """Whether an event was handled; while two deliveries race, only `add` is certain."""
    known = sa.select(inbox.c.event_id).where(inbox.c.event_id == event_id)
    return await connection.scalar(known) is not None


async def add(connection: Connection, event_id: UUID) -> bool:
    """Record an event as handled; false if it was handled before."""
    try:
        async with connection.begin_nested():
            await connection.execute(sa.insert(inbox).values(event_id=event_id, received_at=now()))
    except IntegrityError:
        return False
    return True


async def remove_before(connection: Connection, at: datetime) -> None:
    """Remove the events that were handled before a time, but for those whose ids are not of that time."""
    # Ids are ordered by time, so that the primary key leads to them.
    old = (inbox.c.event_id < first_id(at)) & (inbox.c.received_at < at)
    await connection.execute(sa.delete(inbox).where(old))
