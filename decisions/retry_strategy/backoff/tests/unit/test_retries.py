"""What fails for a moment is tried again, and what lasts is told."""

from __future__ import annotations

import pytest

from services.common.breaker import Breaker
from services.common.clients import call
from services.common.errors import Away, Transient
from services.common.retries import ATTEMPTS


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


async def test_a_failure_of_a_moment_is_tried_again() -> None:
    flaky = Flaky(failures=ATTEMPTS - 1)
    assert await call(Breaker("it"), flaky, timeout_s=5) == "answer"
    assert flaky.calls == ATTEMPTS


async def test_a_lasting_failure_says_who_is_away() -> None:
    with pytest.raises(Away, match="it is not available"):
        await call(Breaker("it"), Flaky(failures=ATTEMPTS), timeout_s=5)


async def test_pauses_end_with_the_time_limit() -> None:
    flaky = Flaky(failures=ATTEMPTS)
    with pytest.raises(Away):
        await call(Breaker("it"), flaky, timeout_s=0.01)
    assert flaky.calls < ATTEMPTS
