"""Workers in the background look for work when they are notified, and at intervals."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from services.common.background import in_background
from services.common.runtime import Runtime

log = structlog.get_logger()

MAX_PAUSE_S = 30
"""The longest pause between attempts while they fail; each pause is twice the one before."""


class PollingWorker(ABC):
    """Does what a service stored to be done later; each subclass adds `drain`."""

    failed_event: str
    """The event that is logged when an attempt fails."""

    def __init__(self, runtime: Runtime, poll_s: float, **log_fields: str) -> None:
        self.runtime = runtime
        self.poll_s = poll_s
        self.log_fields = {"service": runtime.service, **log_fields}
        """What each of its log lines says."""
        self._notified = asyncio.Event()

    @abstractmethod
    async def drain(self) -> None:
        """Do all the work there is, oldest first; raise if that is not possible now."""

    def notify(self) -> None:
        """Check for work now instead of at the next poll."""
        self._notified.set()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Work in the background for the duration of a `with` block."""
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
                # Any failure: a worker that ended would do nothing of what comes later.
                pause = min(pause * 2, MAX_PAUSE_S)
                log.warning(self.failed_event, **self.log_fields, error=repr(error), retry_s=pause)
