"""Nothing is retried: a failed call is reported at once."""

from __future__ import annotations

import pytest

from services.common.clients.circuit_breaker import CircuitBreaker
from services.common.clients.client import call
from services.common.clients.errors import TransientError
from services.common.errors import ServiceUnavailable


async def test_a_failed_call_is_sent_once() -> None:
    sent = []

    async def fail() -> None:
        sent.append("call")
        raise TransientError("not now")

    with pytest.raises(ServiceUnavailable, match="stock is not available"):
        await call(CircuitBreaker("stock"), fail, timeout_s=5)
    assert sent == ["call"]


async def test_the_result_of_a_call_is_returned() -> None:
    async def succeed() -> str:
        return "answer"

    assert await call(CircuitBreaker("stock"), succeed, timeout_s=5) == "answer"
