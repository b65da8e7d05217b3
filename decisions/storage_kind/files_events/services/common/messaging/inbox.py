"""The inbox of a service: the events that it has handled, so that a redelivered one changes nothing."""

from __future__ import annotations

from uuid import UUID

from services.common.db.database import Connection, Table
from services.common.utils import now

INBOX = Table("inbox")


async def contains(connection: Connection, event_id: UUID) -> bool:
    """Tell whether an event was handled; while two deliveries race, only `add` is certain."""
    return await connection.get(INBOX, str(event_id)) is not None


async def add(connection: Connection, event_id: UUID) -> bool:
    """Remember an event as handled; false if it was handled before."""
    if await contains(connection, event_id):
        return False
    connection.put(INBOX, str(event_id), {"received_at": now()})
    return True
