"""What fails is told at once, and nothing is sent twice."""

from __future__ import annotations

import pytest

from services.common.breaker import Breaker
from services.common.clients import call
from services.common.errors import Away, Transient


async def test_a_failure_is_told_after_one_call() -> None:
    calls = []

    async def fail() -> None:
        calls.append("call")
        raise Transient("not now")

    with pytest.raises(Away, match="it is not available"):
        await call(Breaker("it"), fail, timeout_s=5)
    assert calls == ["call"]


async def test_an_answer_is_passed_on() -> None:
    async def answer() -> str:
        return "answer"

    assert await call(Breaker("it"), answer, timeout_s=5) == "answer"
