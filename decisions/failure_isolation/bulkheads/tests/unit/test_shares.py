"""A neighbour that hangs takes up its own share of calls, and no more."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack

import httpx2
import pytest

from services.common.clients import Client
from services.common.errors import Away
from services.common.lookup import CALLS_AT_ONCE
from services.common.shares import Share, share
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import settings_for

PLACES = 3


class Neighbour:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.called = 0
        self.let = asyncio.Event()
        transport = httpx2.MockTransport(self.answer)
        http = httpx2.AsyncClient(transport=transport, base_url="http://test")
        self.client = Client("slow", http, 30.0, Share("slow", PLACES).place)

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.called += 1
        await self.let.wait()
        return httpx2.Response(200)


async def test_a_full_share_refuses_at_once_and_a_free_place_is_used_again() -> None:
    slow = Neighbour()
    held_up = [asyncio.create_task(slow.client.request("GET", "/")) for _ in range(PLACES)]
    while slow.called < PLACES:
        await asyncio.sleep(0)
    started = time.monotonic()
    with pytest.raises(Away, match="slow is busy") as refused:
        await slow.client.request("GET", "/")
    assert time.monotonic() - started < 0.5
    assert refused.value.headers["Retry-After"]
    assert slow.called == PLACES

    slow.let.set()
    await asyncio.gather(*held_up)
    assert (await slow.client.request("GET", "/")).is_success


async def test_a_full_share_is_no_failure_of_the_neighbour() -> None:
    slow = Neighbour()
    held_up = [asyncio.create_task(slow.client.request("GET", "/")) for _ in range(PLACES)]
    while slow.called < PLACES:
        await asyncio.sleep(0)
    for _ in range(20):
        with pytest.raises(Away, match="busy"):
            await slow.client.request("GET", "/")
    assert not slow.client.breaker.is_open
    slow.let.set()
    await asyncio.gather(*held_up)


async def test_a_call_that_fails_gives_its_place_back() -> None:
    place = Share("it", 1).place
    for _ in range(2):
        with pytest.raises(ValueError, match="on the way"), place():
            raise ValueError("on the way")


def test_neighbours_do_not_share() -> None:
    settings = settings_for(dict.fromkeys(SERVICES, "nowhere"))
    one, other = share("one", settings), share("other", settings)
    with ExitStack() as stack:
        for _ in range(settings.calls_per_neighbour):
            stack.enter_context(one())
        with pytest.raises(Away, match="one is busy"), one():
            pass
        with other():
            pass


def test_a_request_that_asks_for_much_fits_into_an_empty_share() -> None:
    settings = settings_for(dict.fromkeys(SERVICES, "nowhere"))
    assert settings.calls_per_neighbour >= CALLS_AT_ONCE
