"""The relay delivers the outbox of a service: each event at least once, in order but for those that a subscriber rejects."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from services.common.background import in_background
from services.common.db.database import Database

log = structlog.get_logger()

MAX_PAUSE_S = 30
"""The longest pause between attempts while deliveries fail; each pause is twice the one before."""


class Relay(ABC):
    """Deliver the outbox of a service. Implements `runtime.BackgroundWorker`; each choice of delivery adds `drain`."""

    failure = "delivery_failed"
    """What is logged when an attempt fails."""

    def __init__(self, database: Database, name: str, poll_s: float) -> None:
        self.database = database
        self.name = name
        """Who or what it delivers to, in logs and metrics."""
        self.poll_s = poll_s
        self._notified = asyncio.Event()

    @abstractmethod
    async def drain(self) -> None:
        """Deliver until nothing waits, oldest first; raise if that is not possible now."""

    def notify(self) -> None:
        """Look at the outbox now instead of at the next poll."""
        self._notified.set()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Deliver in the background for the duration of a `with` block."""
        async with in_background(self._run()):
            yield

    async def _run(self) -> None:
        pause = self.poll_s
        while True:
            with suppress(TimeoutError):
                # `wait_for` would lose a cancellation that comes with the notification (Python 3.11).
                async with asyncio.timeout(pause):
                    await self._notified.wait()
            self._notified.clear()
            try:
                await self.drain()
                pause = self.poll_s
            except Exception as error:
                # Any failure: a relay that ended would hold back all later events.
                pause = min(pause * 2, MAX_PAUSE_S)
                log.warning(self.failure, to=self.name, error=repr(error), retry_s=pause)
