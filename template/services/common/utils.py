"""Small helpers without a home of their own."""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

CANCELLED_AGAIN_S = 5.0
"""After so long, work that was told to stop and goes on is told again."""


def now() -> datetime:
    """The current time in UTC, to the microsecond."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7): ordered by time of creation, so that pages list oldest first."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high = milliseconds << 16 | 0x7000 | random >> 68
    low = 0b10 << 62 | random & (1 << 62) - 1
    return UUID(int=high << 64 | low)


def same(one: str, other: str) -> bool:
    """Compare secrets in a time that does not tell how much of them agrees."""
    return hmac.compare_digest(one.encode(), other.encode())


async def stop(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks until each has ended: a library may take one cancellation for its own."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=CANCELLED_AGAIN_S)


@asynccontextmanager
async def in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work for the duration of a `with` block, and stop with it."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await stop([task])
        with suppress(asyncio.CancelledError):
            await task
