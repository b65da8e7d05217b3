"""Retries and circuit breaking for calls that leave the process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from services.common.errors import Away

ResultT = TypeVar("ResultT")


class Transient(Exception):
    """A failure that the next attempt may not see: no connection, a time-out, a 5xx answer."""


class Breaker:
    """Stop calling what keeps failing; let one call through after a while to see whether it is back.

    Closed: calls pass. Open, after `limit` failures in a row: calls fail at once for `pause_s` seconds.
    Half-open, after that: one call decides.
    """

    def __init__(
        self,
        name: str,
        limit: int = 5,
        pause_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.limit = limit
        self.pause_s = pause_s
        self.clock = clock
        self.failures = 0
        self.retry_at = 0.0

    def before_call(self) -> None:
        """Raise `Away` while open; else let the call pass."""
        if self.failures < self.limit:
            return
        if self.clock() < self.retry_at:
            raise Away(f"{self.name} is not available.")
        # Half-open: whoever comes during this call is told to wait.
        self.retry_at = self.clock() + self.pause_s

    def succeeded(self) -> None:
        self.failures = 0

    def failed(self) -> None:
        self.failures += 1
        self.retry_at = self.clock() + self.pause_s


async def call(
    breaker: Breaker, attempt: Callable[[], Awaitable[ResultT]], *, attempts: int, timeout_s: float
) -> ResultT:
    """Try until it works, at most `attempts` times and for `timeout_s` seconds in all.

    Raises:
        Away: It did not work, or the breaker is open.
    """
    breaker.before_call()
    try:
        async with asyncio.timeout(timeout_s):
            async for retry in stamina.retry_context(
                on=Transient, attempts=attempts, timeout=None, wait_initial=0.05, wait_max=0.5
            ):
                with retry:
                    result = await attempt()
    except (Transient, TimeoutError) as error:
        breaker.failed()
        raise Away(f"{breaker.name} is not available.") from error
    breaker.succeeded()
    return result
