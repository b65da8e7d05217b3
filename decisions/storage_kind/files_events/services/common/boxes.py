"""What a service keeps of events, in documents: its outbox, its inbox, and its read copies.

A document of the outbox is named after its place, its subscriber and, if that refused it for good, `rejected`, so that
what waits is known without a look into each.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.common.envelopes import Envelope
from services.common.storage import Connection, Document, Table
from services.common.utils import now

OUTBOX, INBOX, COPIES = Table("outbox"), Table("inbox"), Table("read_copies")
KINDS = (OUTBOX, INBOX, COPIES)


@dataclass(frozen=True)
class Waiting:
    """An event that is on its way to a subscriber."""

    position: int
    """Its place in the outbox, which no other event has had."""
    subscriber: str
    event: dict[str, Any]
    """The envelope."""


@dataclass(frozen=True)
class Place:
    """What the name of a document in the outbox says."""

    position: int
    subscriber: str
    rejected: bool = False

    @classmethod
    def read(cls, name: str) -> Place:
        position, subscriber, *rejected = name.split(".")
        return cls(int(position), subscriber, bool(rejected))

    def __str__(self) -> str:
        return f"{self.position:020}.{self.subscriber}{'.rejected' if self.rejected else ''}"


async def publish(connection: Connection, envelope: Envelope, subscribers: Iterable[str]) -> None:
    """Put an event into the outbox, in the transaction of the change that caused it."""
    document = {
        "event": envelope.model_dump(mode="json"),
        "due_at": envelope.time,
        "rejected": None,
    }
    for subscriber in subscribers:
        last = max((it.position for it in await _places(connection)), default=0)
        # The time alone would not do: a clock may be set back.
        place = Place(max(time.time_ns(), last + 1), subscriber)
        connection.put(OUTBOX, str(place), document)


async def oldest(connection: Connection, limit: int) -> Sequence[Waiting]:
    """What waits for any subscriber, however long it was postponed, oldest first."""
    places = [it for it in await _places(connection) if not it.rejected][:limit]
    return [it for it, _ in await _waiting(connection, places)]


async def oldest_due(connection: Connection, subscriber: str) -> Waiting | None:
    """What a subscriber is to get now."""
    for place in await _places(connection):
        if place.subscriber == subscriber and not place.rejected:
            for waiting, due_at in await _waiting(connection, [place]):
                if due_at <= now():
                    return waiting
    return None


async def took(connection: Connection, positions: Collection[int]) -> None:
    """Remove what has arrived."""
    for place, _ in await _at(connection, positions):
        connection.remove(OUTBOX, str(place))


async def postpone(connection: Connection, position: int, until: datetime) -> None:
    """Let an event wait, while those behind it go on."""
    for place, document in await _at(connection, [position]):
        connection.put(OUTBOX, str(place), document | {"due_at": until})


async def reject(connection: Connection, positions: Collection[int], reason: str) -> None:
    """Keep what a subscriber refused for good, with the reason; it is not sent again."""
    for place, document in await _at(connection, positions):
        connection.remove(OUTBOX, str(place))
        refused = Place(place.position, place.subscriber, rejected=True)
        connection.put(OUTBOX, str(refused), document | {"rejected": reason})


async def counts(connection: Connection) -> dict[str, tuple[int, int]]:
    """How many events wait for each subscriber, and how many it refused."""
    counted: dict[str, tuple[int, int]] = {}
    for place in await _places(connection):
        waiting, refused = counted.get(place.subscriber, (0, 0))
        counted[place.subscriber] = (waiting + (not place.rejected), refused + place.rejected)
    return counted


async def was_handled(connection: Connection, event_id: UUID) -> bool:
    """Look an event up before work is done for it; only `is_new` is sure while two deliveries race."""
    return await connection.get(INBOX, str(event_id)) is not None


async def is_new(connection: Connection, event_id: UUID) -> bool:
    """Remember an event as handled; false if it was already."""
    if await was_handled(connection, event_id):
        return False
    connection.put(INBOX, str(event_id), {"received_at": now()})
    return True


async def keep_copy(
    connection: Connection, entity: str, envelope: Envelope, *, removed: bool
) -> None:
    """Bring a read copy up to date; a version older than the copy's own came late and is dropped."""
    name = f"{entity}.{envelope.subject}"
    known = await connection.get(COPIES, name)
    if known is None or envelope.sequence >= known["version"]:
        copy = {"version": envelope.sequence, "removed": removed, "data": envelope.data}
        connection.put(COPIES, name, copy)


async def find_copies(
    connection: Connection, entity: str, ids: Collection[UUID]
) -> dict[UUID, dict[str, Any]]:
    """The data of the read copies that are there, by id."""
    names = {f"{entity}.{id}": id for id in ids}
    found = await connection.find(COPIES, names)
    return {names[name]: it["data"] for name, it in found.items() if not it["removed"]}


async def _places(connection: Connection) -> list[Place]:
    return [Place.read(name) for name in await connection.names(OUTBOX)]


async def _at(connection: Connection, positions: Collection[int]) -> list[tuple[Place, Document]]:
    """What is still at these positions."""
    places = {str(it): it for it in await _places(connection) if it.position in positions}
    found = await connection.find(OUTBOX, places)
    return [(places[name], document) for name, document in found.items()]


async def _waiting(
    connection: Connection, places: Iterable[Place]
) -> list[tuple[Waiting, datetime]]:
    """What waits at these places, unless somebody took it meanwhile, and when it is due."""
    by_name = {str(it): it for it in places}
    found = await connection.find(OUTBOX, by_name)
    return [
        (
            Waiting(by_name[name].position, by_name[name].subscriber, document["event"]),
            datetime.fromisoformat(document["due_at"]),
        )
        for name, document in found.items()
    ]
