"""A breaker spares a neighbour that keeps failing, and lets one call find out whether it is back."""

from __future__ import annotations

import pytest

from services.common.breaker import Breaker
from services.common.clients import call
from services.common.errors import Away, Transient


class Clock:
    """Time that a test moves."""

    time = 0.0

    def __call__(self) -> float:
        return self.time


async def fail() -> None:
    raise Transient("not now")


async def test_an_open_breaker_calls_nobody_until_its_pause_is_over() -> None:
    clock, calls = Clock(), []
    breaker = Breaker("it", limit=1, pause_s=10, clock=clock)

    async def answer() -> str:
        calls.append("call")
        return "answer"

    with pytest.raises(Away):
        await call(breaker, fail, timeout_s=1)
    with pytest.raises(Away):
        await call(breaker, answer, timeout_s=1)
    assert calls == []
    assert breaker.is_open

    clock.time = 11
    assert not breaker.is_open
    assert await call(breaker, answer, timeout_s=1) == "answer"
    assert await call(breaker, answer, timeout_s=1) == "answer"
