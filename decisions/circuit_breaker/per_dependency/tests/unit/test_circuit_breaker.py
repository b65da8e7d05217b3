"""While a service keeps failing, calls fail fast; after a pause, one call decides whether it has recovered."""

from __future__ import annotations

import pytest

from services.common.clients.circuit_breaker import CircuitBreaker
from services.common.clients.client import call
from services.common.clients.errors import TransientError
from services.common.errors import ServiceUnavailable


class Clock:
    """A clock that tests set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def fail() -> str:
    raise TransientError("not now")


async def test_no_call_is_sent_while_the_circuit_is_open() -> None:
    clock, sent = Clock(), []
    breaker = CircuitBreaker("stock", limit=1, pause_s=10, clock=clock)

    async def succeed() -> str:
        sent.append("call")
        return "answer"

    with pytest.raises(ServiceUnavailable):
        await call(breaker, fail, timeout_s=1)
    with pytest.raises(ServiceUnavailable, match="stock is not available"):
        await call(breaker, succeed, timeout_s=1)
    assert sent == []
    assert breaker.is_open

    clock.now = 11
    assert not breaker.is_open
    assert await call(breaker, succeed, timeout_s=1) == "answer"
    assert await call(breaker, succeed, timeout_s=1) == "answer"


async def test_one_call_decides_when_the_circuit_is_half_open() -> None:
    clock = Clock()
    breaker = CircuitBreaker("stock", limit=2, pause_s=10, clock=clock)
    for _ in range(2):
        assert not breaker.is_open
        breaker.failed()
    assert breaker.is_open

    clock.now = 11
    breaker.before_call()
    with pytest.raises(ServiceUnavailable):
        breaker.before_call()  # another call, while the first has not decided yet
    breaker.failed()
    assert breaker.is_open

    clock.now = 22
    breaker.before_call()
    breaker.succeeded()
    breaker.before_call()
    assert not breaker.is_open
