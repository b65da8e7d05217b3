"""Calls are tried again, and what keeps failing is left alone for a while."""

from __future__ import annotations

import pytest

from services.common.errors import Away
from services.common.resilience import Breaker, Transient, call


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


class Flaky:
    """Fails so many times, then answers."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise Transient("not yet")
        return "answer"


async def test_a_transient_failure_is_tried_again() -> None:
    flaky = Flaky(failures=2)
    assert await call(Breaker("it"), flaky, attempts=3, timeout_s=1) == "answer"
    assert flaky.calls == 3


async def test_a_lasting_failure_says_who_is_away() -> None:
    with pytest.raises(Away, match="it is not available"):
        await call(Breaker("it"), Flaky(failures=9), attempts=3, timeout_s=1)


async def test_an_open_breaker_calls_nobody_until_its_pause_is_over() -> None:
    clock = Clock()
    breaker = Breaker("it", limit=1, pause_s=10, clock=clock)
    with pytest.raises(Away):
        await call(breaker, Flaky(failures=9), attempts=1, timeout_s=1)

    well = Flaky(failures=0)
    with pytest.raises(Away):
        await call(breaker, well, attempts=1, timeout_s=1)
    assert well.calls == 0

    clock.time = 11
    assert await call(breaker, well, attempts=1, timeout_s=1) == "answer"
    assert await call(breaker, well, attempts=1, timeout_s=1) == "answer"
