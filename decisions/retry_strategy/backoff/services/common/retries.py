"""A call that failed for a moment is tried again, after pauses that grow and vary."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from services.common.errors import Transient

ResultT = TypeVar("ResultT")

ATTEMPTS = 3


async def retried(attempt: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """The first result of a few attempts; raises `Transient` if each of them does."""
    async for again in stamina.retry_context(
        on=Transient, attempts=ATTEMPTS, timeout=None, wait_initial=0.05, wait_max=0.5
    ):
        with again:
            result = await attempt()
    return result
