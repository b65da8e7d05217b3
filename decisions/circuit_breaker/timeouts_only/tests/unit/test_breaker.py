"""A neighbour that keeps failing is called each time, and holds a caller up for its time limit at most."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.common.breaker import Breaker
from services.common.clients import call
from services.common.errors import Away

CALLS = 10
LIMIT_S = 0.05


async def test_each_call_is_sent_and_ends_with_its_time_limit() -> None:
    breaker, sent = Breaker("it"), []

    async def hang() -> None:
        sent.append("call")
        await asyncio.sleep(60)

    for _ in range(CALLS):
        started = time.monotonic()
        with pytest.raises(Away, match="it is not available"):
            await call(breaker, hang, timeout_s=LIMIT_S)
        assert time.monotonic() - started < 1
    assert len(sent) == CALLS
    assert not breaker.is_open


async def test_a_neighbour_that_is_back_answers_the_next_call() -> None:
    breaker = Breaker("it")

    async def hang() -> None:
        await asyncio.sleep(60)

    async def answer() -> str:
        return "answer"

    with pytest.raises(Away):
        await call(breaker, hang, timeout_s=LIMIT_S)
    assert await call(breaker, answer, timeout_s=LIMIT_S) == "answer"
