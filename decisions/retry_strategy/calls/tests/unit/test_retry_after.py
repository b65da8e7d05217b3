"""What a dependency asks for by `Retry-After` is respected by every call."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import httpx2
import pytest

from services.common.clients.client import Client
from services.common.clients.retry_after import EVERY_PATH, MAX_PAUSE_S, Pauses, seconds_of
from services.common.errors import ServiceUnavailable
from services.common.utils import now


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("-3", 0),
        ("soon", 0),
        ("", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("9" * 400, MAX_PAUSE_S),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_PAUSE_S),
        (f"Wed, 21 Oct 2015 07:28:00 +{'9' * 20}", 0),
    ],
)
def test_a_time_is_read_in_seconds(value: str, seconds: float) -> None:
    assert seconds_of(httpx2.Response(503, headers={"Retry-After": value})) == seconds


def test_a_time_is_read_as_a_date() -> None:
    value = format_datetime(now() + timedelta(minutes=2), usegmt=True)
    assert 115 < seconds_of(httpx2.Response(503, headers={"Retry-After": value})) <= 120


def test_a_pause_is_for_a_path_or_for_the_whole_and_ends() -> None:
    time = 100.0
    pauses = Pauses(clock=lambda: time)
    pauses.add("/one", 5)
    pauses.add("/two", 0)
    assert [pauses.left(it) for it in ("/one", "/two")] == [5, 0]
    pauses.add(EVERY_PATH, 3)
    time += 1
    assert [pauses.left(it) for it in ("/one", "/two")] == [4, 2]
    time += 4
    assert [pauses.left(it) for it in ("/one", "/two")] == [0, 0]


@pytest.mark.parametrize(("status", "others_wait"), [(503, False), (429, True)])
async def test_nothing_is_sent_before_the_pause_is_over(status: int, others_wait: bool) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        is_first = request.url.path == "/one"
        return httpx2.Response(status if is_first else 204, headers={"Retry-After": "60"})

    transport = httpx2.MockTransport(answer)
    async with httpx2.AsyncClient(transport=transport, base_url="http://stock") as http:
        client = Client("stock", http, 5.0)
        for _ in range(3):
            with pytest.raises(ServiceUnavailable) as caught:
                await client.request("GET", "/one")
            assert 55 < caught.value.retry_after_s <= 60
            assert caught.value.headers == {"Retry-After": "60"}
        assert asked == ["/one"]
        if others_wait:
            with pytest.raises(ServiceUnavailable):
                await client.request("GET", "/two")
        else:
            await client.request("GET", "/two")
        assert asked == ["/one"] if others_wait else ["/one", "/two"]
