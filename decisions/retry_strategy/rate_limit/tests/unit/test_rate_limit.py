"""Calls to an external API wait for their turn, so that its limit is kept."""

from __future__ import annotations

from contextlib import suppress

import httpx2
import pytest

from services.common.clients.client import Client
from services.common.clients.rate_limit import RateLimit
from services.common.errors import ServiceUnavailable


def test_no_span_of_time_has_more_calls_than_allowed() -> None:
    time = 0.0
    limit = RateLimit("fax", calls=3, within_s=10, clock=lambda: time)
    assert [limit.reserve(60) for _ in range(7)] == [0, 0, 0, 10, 10, 10, 20]
    time = 25.0
    assert [limit.reserve(60) for _ in range(3)] == [0, 0, 5]


def test_who_cannot_wait_for_the_turn_is_told_when_it_is_and_takes_none() -> None:
    limit = RateLimit("fax", calls=1, within_s=10, clock=lambda: 0.0)
    assert limit.reserve(0) == 0
    for _ in range(2):
        with pytest.raises(ServiceUnavailable, match="fax may not be called so often") as caught:
            limit.reserve(2)
        assert caught.value.headers == {"Retry-After": "10"}
    assert limit.reserve(10) == 10


async def test_every_attempt_takes_a_turn() -> None:
    sent: list[httpx2.Request] = []

    def fail(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(500)

    transport = httpx2.MockTransport(fail)
    async with httpx2.AsyncClient(transport=transport, base_url="http://fax") as http:
        client = Client("fax", http, 5.0, turn=RateLimit("fax", 2, 60).wait)
        for _ in range(5):
            with suppress(ServiceUnavailable):
                await client.request("GET", "/letters")
    assert len(sent) == 2
    assert not client.breaker.is_open
