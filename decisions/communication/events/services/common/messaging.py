"""Events: stored with the change that caused them, delivered at least once, handled once.

The outbox has a row for each subscriber of an event, written in the transaction of the change. A relay takes rows out
of it, in order, once they are delivered. The inbox of a consumer remembers what was handled, in the transaction of
what handling it did, so that a second delivery changes nothing.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from services.common import tracing
from services.common.boxes import publish
from services.common.envelopes import Envelope, Event
from services.common.models import Record
from services.common.runtime import Runtime
from services.common.storage import Connection, Database
from services.common.utils import in_background, new_id

log = structlog.get_logger()

LONGEST_PAUSE_S = 30
POSTPONED = timedelta(seconds=5)
PATIENCE = timedelta(minutes=10)
"""How long an event is tried that refers to what is not there."""


@dataclass(frozen=True)
class Published:
    """An event, and who it goes to."""

    name: str
    content: type[Event]
    on: tuple[str, ...]
    """The operations that cause it: create, update, delete."""
    subscribers: tuple[str, ...] = ()

    async def store(self, connection: Connection, runtime: Runtime, record: Record) -> None:
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
