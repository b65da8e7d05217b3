"""Mails are prepared and sent beside requests: neither a response nor the next one on its connection waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog

from services.common.api.endpoint import Endpoint
from services.common.runtime import Runtime

log = structlog.get_logger()

_waiting: set[asyncio.Task[None]] = set()


def soon(work: Coroutine[Any, Any, None]) -> None:
    """Do something beside the request; a failure is logged by its class alone, as the request was answered."""
    task = asyncio.create_task(_logged(work))
    _waiting.add(task)
    task.add_done_callback(_waiting.discard)


async def all_sent() -> None:
    """Wait until all that was to be done is done."""
    while _waiting:
        await asyncio.wait(_waiting)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception as error:
        log.error("mail_not_sent", error=type(error).__name__)


class Mailing:
    """Sends what is due before the service ends."""

    @asynccontextmanager
    async def lifespan(self, runtime: Runtime) -> AsyncIterator[None]:
        """Wait for mails at the end."""
        yield
        await all_sent()

    def endpoints(self) -> Sequence[Endpoint]:
        """It answers nothing."""
        return ()
