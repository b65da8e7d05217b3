"""Transient errors are retried within the timeout, and only where a repetition does no harm."""

from __future__ import annotations

import time

import httpx2
import pytest

from services.common.clients import retries
from services.common.clients.circuit_breaker import CircuitBreaker
from services.common.clients.client import Client, call
from services.common.clients.errors import TransientError
from services.common.clients.retries import MAX_ATTEMPTS
from services.common.errors import ServiceUnavailable


class Flaky:
    """Fails so many times, then succeeds."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise TransientError("not yet")
        return "answer"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again at once."""
    monkeypatch.setattr(retries, "MAX_PAUSE_S", 0.0)


async def test_a_transient_error_is_retried() -> None:
    flaky = Flaky(failures=MAX_ATTEMPTS - 1)
    assert await call(CircuitBreaker("stock"), flaky, timeout_s=5) == "answer"
    assert flaky.calls == MAX_ATTEMPTS


async def test_after_the_last_attempt_the_error_names_the_service() -> None:
    with pytest.raises(ServiceUnavailable, match="stock is not available"):
        await call(CircuitBreaker("stock"), Flaky(failures=MAX_ATTEMPTS), timeout_s=5)


@pytest.mark.parametrize(
    ("method", "headers", "attempts"),
    [
        ("GET", {}, MAX_ATTEMPTS),
        ("PUT", {}, MAX_ATTEMPTS),
        ("POST", {}, 1),
        ("PATCH", {}, 1),
        ("POST", {"idempotency-key": "one"}, MAX_ATTEMPTS),
    ],
)
async def test_only_repeatable_requests_are_retried(
    method: str, headers: dict[str, str], attempts: int
) -> None:
    requests: list[httpx2.Request] = []

    def fail(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(503)

    transport = httpx2.MockTransport(fail)
    async with httpx2.AsyncClient(transport=transport, base_url="http://stock") as http:
        with pytest.raises(ServiceUnavailable):
            await Client("stock", http, 5.0).request(method, "/payments", headers=headers)
    assert len(requests) == attempts


async def test_retries_end_at_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "MAX_PAUSE_S", 0.5)
    flaky = Flaky(failures=MAX_ATTEMPTS)
    with pytest.raises(ServiceUnavailable):
        await call(CircuitBreaker("stock"), flaky, timeout_s=0.01)
    assert flaky.calls < MAX_ATTEMPTS


async def test_a_retry_waits_as_long_as_the_other_side_asked_for() -> None:
    times: list[float] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        times.append(time.monotonic())
        return httpx2.Response(503 if len(times) == 1 else 204, headers={"Retry-After": "1"})

    transport = httpx2.MockTransport(answer)
    async with httpx2.AsyncClient(transport=transport, base_url="http://stock") as http:
        await Client("stock", http, 5.0).request("GET", "/things")
    first, second = times
    assert second - first >= 1
