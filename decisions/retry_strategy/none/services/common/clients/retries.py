"""Calls are not retried: the caller decides whether to try again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

ResultT = TypeVar("ResultT")


async def with_retries(attempt: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Return the result of the only attempt; raises `TransientError` if it does."""
    return await attempt()
