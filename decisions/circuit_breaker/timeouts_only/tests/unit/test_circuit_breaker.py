"""Without a circuit breaker every call is sent, and none takes longer than its timeout."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.common.clients.circuit_breaker import CircuitBreaker
from services.common.clients.client import call
from services.common.errors import ServiceUnavailable

CALLS = 10
TIMEOUT_S = 0.05


async def test_every_call_is_sent_and_ends_at_its_timeout() -> None:
    breaker, sent = CircuitBreaker("stock"), []

    async def hang() -> None:
        sent.append("call")
        await asyncio.sleep(60)

    for _ in range(CALLS):
        started = time.monotonic()
        with pytest.raises(ServiceUnavailable, match="stock is not available"):
            await call(breaker, hang, timeout_s=TIMEOUT_S)
        assert time.monotonic() - started < 1
    assert len(sent) == CALLS
    assert not breaker.is_open


async def test_the_first_call_after_a_recovery_succeeds() -> None:
    breaker = CircuitBreaker("stock")

    async def hang() -> None:
        await asyncio.sleep(60)

    async def succeed() -> str:
        return "answer"

    with pytest.raises(ServiceUnavailable):
        await call(breaker, hang, timeout_s=TIMEOUT_S)
    assert await call(breaker, succeed, timeout_s=TIMEOUT_S) == "answer"
