"""Failed calls are retried, with exponential backoff and jitter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from services.common.clients.errors import TransientError

ResultT = TypeVar("ResultT")

MAX_ATTEMPTS, MAX_PAUSE_S = 3, 0.5


def _pause(error: Exception) -> bool | float:
    """Whether an error is retried; where the other side asked for a pause, how long that is."""
    return isinstance(error, TransientError) and (error.retry_after_s or True)


async def with_retries(attempt: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Return the result of the first successful attempt; raises `TransientError` if each attempt does."""
    async for again in stamina.retry_context(
        on=_pause, attempts=MAX_ATTEMPTS, timeout=None, wait_initial=0.05, wait_max=MAX_PAUSE_S
    ):
        with again:
            result = await attempt()
    return result
