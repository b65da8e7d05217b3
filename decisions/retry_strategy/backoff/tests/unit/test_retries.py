"""What fails for a moment is tried again, and what lasts is told."""

from __future__ import annotations

import httpx2
import pytest

from services.common.breaker import Breaker
from services.common.clients import Client, call
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


@pytest.mark.parametrize(
    ("method", "headers", "sent"),
    [
        ("GET", {}, ATTEMPTS),
        ("PUT", {}, ATTEMPTS),
        ("POST", {}, 1),
        ("PATCH", {}, 1),
        ("POST", {"idempotency-key": "one"}, ATTEMPTS),
    ],
)
async def test_what_may_do_harm_twice_is_sent_once_unless_it_has_a_key(
    method: str, headers: dict[str, str], sent: int
) -> None:
    seen: list[httpx2.Request] = []

    def fail(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(503)

    transport = httpx2.MockTransport(fail)
    async with httpx2.AsyncClient(transport=transport, base_url="http://it") as http:
        with pytest.raises(Away):
            await Client("it", http, 5.0).request(method, "/payments", headers=headers)
    assert len(seen) == sent


async def test_pauses_end_with_the_time_limit() -> None:
    flaky = Flaky(failures=ATTEMPTS)
    with pytest.raises(Away):
        await call(Breaker("it"), flaky, timeout_s=0.01)
    assert flaky.calls < ATTEMPTS
