"""A call is tried once: whoever called decides whether it is worth another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

ResultT = TypeVar("ResultT")


async def retried(attempt: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """The result of the one attempt; raises `Transient` if it does."""
    return await attempt()
