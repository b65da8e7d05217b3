"""Events: stored with the change that caused them, delivered at least once, handled once.

The outbox has a row for each subscriber of an event, written in the transaction of the change. A relay takes rows out
of it, in order, once they are delivered. The inbox of a consumer remembers what was handled, in the transaction of
what handling it did, so that a second delivery changes nothing.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.common import tracing
from services.common.engine import COUNTED, COUNTER
from services.common.envelopes import Envelope, Event
from services.common.models import Record
from services.common.runtime import Runtime
from services.common.storage import Database, InstantColumn
from services.common.utils import in_background, new_id, now

log = structlog.get_logger()

LONGEST_PAUSE_S = 30
POSTPONED = timedelta(seconds=5)
PATIENCE = timedelta(minutes=10)
"""How long an event is tried that refers to what is not there."""

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


async def publish(
    connection: AsyncConnection, envelope: Envelope, subscribers: Iterable[str]
) -> None:
    """Put an event into the outbox, in the transaction of the change that caused it."""
    row = {"event": envelope.model_dump(mode="json"), "due_at": envelope.time}
    for subscriber in subscribers:
        await connection.execute(sa.insert(outbox).values(subscriber=subscriber, **row))


@dataclass(frozen=True)
class Published:
    """An event, and who it goes to."""

    name: str
    content: type[Event]
    on: tuple[str, ...]
    """The operations that cause it: create, update, delete."""
    subscribers: tuple[str, ...] = ()

    async def store(self, connection: AsyncConnection, runtime: Runtime, record: Record) -> None:
        """Put the event into the outbox."""
        content = self.content.model_validate(record, from_attributes=True)
        envelope = Envelope(
            id=new_id(),
            source=f"/{runtime.service}",
            type=self.name,
            subject=record.id,
            time=record.updated_at,
            sequence=record.version,
            data=content.model_dump(mode="json", exclude={"id"}),
            traceparent=tracing.current(),
        )
        await publish(connection, envelope, self.subscribers)

    def take_up(self, runtime: Runtime, record: Record) -> None:
        """Deliver it without waiting for the next poll."""
        runtime.wake()


async def was_handled(connection: AsyncConnection, event_id: UUID) -> bool:
    """Look an event up before work is done for it; only `is_new` is sure while two deliveries race."""
    known = sa.select(inbox.c.event_id).where(inbox.c.event_id == event_id)
    return await connection.scalar(known) is not None


async def is_new(connection: AsyncConnection, event_id: UUID) -> bool:
    """Remember an event as handled; false if it was already."""
    try:
        async with connection.begin_nested():
            await connection.execute(sa.insert(inbox).values(event_id=event_id, received_at=now()))
    except IntegrityError:
        return False
    return True


async def keep_copy(
    connection: AsyncConnection, entity: str, envelope: Envelope, *, removed: bool
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


class Relay(ABC):
    """Deliver the outbox of a service; each choice of delivery says how."""

    def __init__(self, database: Database, name: str, poll_s: float) -> None:
        self.database = database
        self.name = name
        """Who or what it delivers to, for the log."""
        self.poll_s = poll_s
        self._something_to_send = asyncio.Event()

    @abstractmethod
    async def deliver(self) -> None:
        """Send what waits, oldest first, until nothing does; raise if it cannot be taken now."""

    def wake(self) -> None:
        """Look at the outbox now instead of at the next poll."""
        self._something_to_send.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver in the background for the duration of a `with` block."""
        async with in_background(self._run()):
            yield

    async def _run(self) -> None:
        pause = self.poll_s
        while True:
            with suppress(TimeoutError):
                # `wait_for` would lose a cancellation that comes with the wake-up (Python 3.11).
                async with asyncio.timeout(pause):
                    await self._something_to_send.wait()
            self._something_to_send.clear()
            try:
                await self.deliver()
                pause = self.poll_s
            except Exception as error:
                # Whatever it was: a relay that ended would keep all events that follow.
                pause = min(pause * 2, LONGEST_PAUSE_S)
                log.warning("delivery failed", to=self.name, error=repr(error), retry_s=pause)
