"""The outbox of a service: events that wait for delivery, stored in the transaction of the change they tell of.

A document is named after its position, its subscriber and, if that refused it, `rejected`: the names alone tell what
waits.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.common.db.database import Connection, Document, Table
from services.common.messaging.envelope import Envelope, OutboxMessage
from services.common.utils import now

OUTBOX = Table("outbox")


@dataclass(frozen=True)
class MessageName:
    """What the name of a document in the outbox says."""

    position: int
    subscriber: str
    rejected: bool = False

    @classmethod
    def parse(cls, name: str) -> MessageName:
        position, subscriber, *rejected = name.split(".")
        return cls(int(position), subscriber, bool(rejected))

    def __str__(self) -> str:
        return f"{self.position:020}.{self.subscriber}{'.rejected' if self.rejected else ''}"


async def add(connection: Connection, envelope: Envelope, subscribers: Iterable[str]) -> None:
    """Store an event for each of its subscribers."""
    document = {
        "event": envelope.model_dump(mode="json"),
        "due_at": envelope.time,
        "rejected": None,
    }
    for subscriber in subscribers:
        last = max((it.position for it in await _names(connection)), default=0)
        # The time alone is not enough: a clock may be set back.
        name = MessageName(max(time.time_ns(), last + 1), subscriber)
        connection.put(OUTBOX, str(name), document)


async def oldest(connection: Connection, limit: int) -> Sequence[OutboxMessage]:
    """Read the oldest messages of all subscribers, postponed ones included."""
    names = [it for it in await _names(connection) if not it.rejected][:limit]
    return [message for message, _ in await _read(connection, names)]


async def next_due(connection: Connection, subscriber: str) -> OutboxMessage | None:
    """Read the oldest message of a subscriber that is not postponed."""
    for name in await _names(connection):
        if name.subscriber == subscriber and not name.rejected:
            for message, due_at in await _read(connection, [name]):
                if due_at <= now():
                    return message
    return None


async def remove_delivered(connection: Connection, positions: Collection[int]) -> None:
    """Remove messages that were delivered."""
    for name, _ in await _find(connection, positions):
        connection.remove(OUTBOX, str(name))


async def postpone(connection: Connection, position: int, until: datetime) -> None:
    """Put a message off, so that those behind it are delivered first."""
    for name, document in await _find(connection, [position]):
        connection.put(OUTBOX, str(name), document | {"due_at": until})


async def mark_rejected(connection: Connection, positions: Collection[int], reason: str) -> None:
    """Keep messages that are given up, with the reason; they are sent again only if they are replayed."""
    for name, document in await _find(connection, positions):
        connection.remove(OUTBOX, str(name))
        rejected = MessageName(name.position, name.subscriber, rejected=True)
        connection.put(OUTBOX, str(rejected), document | {"rejected": reason})


async def rejected(connection: Connection) -> Sequence[tuple[OutboxMessage, str]]:
    """Read the messages that were rejected, each with the reason."""
    names = {str(it): it for it in await _names(connection) if it.rejected}
    found = await connection.find(OUTBOX, names)
    return [
        (
            OutboxMessage(names[it].position, names[it].subscriber, document["event"]),
            document["rejected"],
        )
        for it, document in found.items()
    ]


async def send_again(connection: Connection, position: int) -> None:
    """Deliver a message that was rejected."""
    for name, document in await _find(connection, [position]):
        connection.remove(OUTBOX, str(name))
        waiting = MessageName(name.position, name.subscriber)
        connection.put(OUTBOX, str(waiting), document | {"rejected": None, "due_at": now()})


async def counts(connection: Connection) -> dict[str, tuple[int, int]]:
    """Count the waiting and the rejected messages of each subscriber."""
    counted: dict[str, tuple[int, int]] = {}
    for name in await _names(connection):
        waiting, rejected = counted.get(name.subscriber, (0, 0))
        counted[name.subscriber] = (waiting + (not name.rejected), rejected + name.rejected)
    return counted


async def _names(connection: Connection) -> list[MessageName]:
    return [MessageName.parse(name) for name in await connection.names(OUTBOX)]


async def _find(
    connection: Connection, positions: Collection[int]
) -> list[tuple[MessageName, Document]]:
    """The documents that are still at these positions."""
    names = {str(it): it for it in await _names(connection) if it.position in positions}
    found = await connection.find(OUTBOX, names)
    return [(names[name], document) for name, document in found.items()]


async def _read(
    connection: Connection, names: Iterable[MessageName]
) -> list[tuple[OutboxMessage, datetime]]:
    """The messages that are still there, each with the time when it is due."""
    by_name = {str(it): it for it in names}
    found = await connection.find(OUTBOX, by_name)
    return [
        (
            OutboxMessage(by_name[name].position, by_name[name].subscriber, document["event"]),
            datetime.fromisoformat(document["due_at"]),
        )
        for name, document in found.items()
    ]
