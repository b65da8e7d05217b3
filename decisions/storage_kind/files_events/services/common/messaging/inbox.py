"""The inbox of a service: the events that it has handled, so that a redelivered one changes nothing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.common.db.database import Connection, Table
from services.common.messaging.envelope import first_id
from services.common.utils import now

INBOX = Table("inbox")


async def contains(connection: Connection, event_id: UUID) -> bool:
    """Whether an event was handled; while two deliveries race, only `add` is certain."""
    return await connection.get(INBOX, str(event_id)) is not None


async def add(connection: Connection, event_id: UUID) -> bool:
    """Record an event as handled; false if it was handled before."""
    if await contains(connection, event_id):
        return False
    connection.put(INBOX, str(event_id), {"received_at": now()})
    return True


async def remove_before(connection: Connection, at: datetime) -> None:
    """Remove the events that were handled before a time, but for those whose ids are not of that time."""
    first = str(first_id(at))  # ids are ordered by time, so that nothing recent has to be read
    old = [name for name in await connection.names(INBOX) if name < first]
    for name, event in (await connection.find(INBOX, old)).items():
        if datetime.fromisoformat(event["received_at"]) < at:
            connection.remove(INBOX, name)
