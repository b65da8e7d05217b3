"""The events that a service could not handle: each waits to be retried, or is rejected with the reason.

A document is named after the position and the id of its event.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.common.db.database import Connection, Table
from services.common.messaging.envelope import Envelope, UnhandledEvent

UNHANDLED_EVENTS = Table("unhandled_events")


async def add(connection: Connection, envelope: Envelope, **values: Any) -> None:
    """Keep an event; it is kept once, however often it is delivered."""
    names = await connection.names(UNHANDLED_EVENTS)
    if any(name.endswith(f".{envelope.id}") for name in names):
        return
    last = max((_position(name) for name in names), default=0)
    # The time alone is not enough: a clock may be set back.
    name = f"{max(time.time_ns(), last + 1):020}.{envelope.id}"
    event = envelope.model_dump(mode="json")
    connection.put(UNHANDLED_EVENTS, name, {"event": event} | values)


async def all_events(connection: Connection) -> Sequence[UnhandledEvent]:
    """Read all, in their order."""
    names = await connection.names(UNHANDLED_EVENTS)
    found = await connection.find(UNHANDLED_EVENTS, names)
    return [
        UnhandledEvent(
            _position(name),
            Envelope.model_validate(document["event"]),
            datetime.fromisoformat(document["due_at"]),
            document["tries"],
            document["reason"],
            document["rejected"],
        )
        for name, document in found.items()
    ]


async def about(connection: Connection, subject: UUID) -> Sequence[UnhandledEvent]:
    """Read those about a record, in their order."""
    return [it for it in await all_events(connection) if it.envelope.subject == subject]


async def has_due(connection: Connection, at: datetime) -> bool:
    """Whether one is to be tried again."""
    return await next_due(connection, at) is not None


async def next_due(connection: Connection, at: datetime) -> UnhandledEvent | None:
    """Read the first that is to be tried again."""
    waiting = (it for it in await all_events(connection) if not it.rejected)
    return next((it for it in waiting if it.due_at <= at), None)


async def update(connection: Connection, position: int, **values: Any) -> None:
    """Change when and how often an event is tried, or reject it."""
    for name in await connection.names(UNHANDLED_EVENTS):
        if _position(name) == position and (
            document := await connection.get(UNHANDLED_EVENTS, name)
        ):
            connection.put(UNHANDLED_EVENTS, name, document | values)


async def remove(connection: Connection, position: int) -> None:
    """Remove an event."""
    for name in await connection.names(UNHANDLED_EVENTS):
        if _position(name) == position:
            connection.remove(UNHANDLED_EVENTS, name)


async def counts(connection: Connection) -> tuple[int, int]:
    """Count those that are tried again, and those that are rejected."""
    states = [it.rejected for it in await all_events(connection)]
    return states.count(False), states.count(True)


def _position(name: str) -> int:
    return int(name.partition(".")[0])
