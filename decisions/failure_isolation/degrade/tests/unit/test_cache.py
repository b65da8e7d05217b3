"""While a service is unavailable, its last answers stand in: recent ones, for few records, and never once it answers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import httpx2
import pytest
from pydantic import Field
from structlog.testing import capture_logs

from services.common.clients import resource
from services.common.clients.cache import ResponseCache
from services.common.clients.client import Client
from services.common.config import Settings
from services.common.errors import ServiceUnavailable
from services.common.models import View
from services.common.runtime import Runtime
from services.common.utils import new_id
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import settings_for

MAX_RECORDS = 3
MAX_AGE_S = 60.0
TIMEOUT_S = 0.5
MARGIN_S = 1.0
"""What a busy machine may add to a timeout."""
CALLS = 6
FAULTS = ("unreachable", "hanging", "failing", "malformed", "refusing")


class Book(View):
    """What a test reads of a record."""

    title: str
    authors: list[str] = Field(default_factory=list)


class Title(View):
    """Another view of the same record."""

    title: str


class Clock:
    """A clock that a test sets."""

    time = 1000.0

    def __call__(self) -> float:
        return self.time


def answering(found: Book | None) -> Callable[[], Awaitable[Book | None]]:
    """A service that answers."""

    async def fetch() -> Book | None:
        return found

    return fetch


async def unavailable() -> Book | None:
    """A service that does not."""
    raise ServiceUnavailable("it is not available.")


def new_cache(clock: Callable[[], float] = time.monotonic) -> ResponseCache:
    return ResponseCache("it", MAX_RECORDS, MAX_AGE_S, clock)


async def cached(cache: ResponseCache, paths: Sequence[str]) -> list[str]:
    """The records that are found while their service is unavailable."""
    found = []
    for path in paths:
        try:
            await cache(path, Book, unavailable)
        except ServiceUnavailable:
            continue
        found.append(path)
    return found


async def test_the_cached_response_stands_in_and_is_logged() -> None:
    clock = Clock()
    cache = new_cache(clock)
    await cache("/a", Book, answering(Book(title="Emma")))
    clock.time += 12.34
    with capture_logs() as logs:
        assert await cache("/a", Book, unavailable) == Book(title="Emma")
    expected = {
        "event": "cached_response_used",
        "dependency": "it",
        "path": "/a",
        "age_s": 12.3,
        "log_level": "warning",
    }
    assert [expected.items() <= line.items() for line in logs] == [True]


async def test_a_record_without_a_cached_response_is_unknown() -> None:
    cache = new_cache()
    with capture_logs() as logs, pytest.raises(ServiceUnavailable, match="it is not available"):
        await cache("/a", Book, unavailable)
    assert logs == []


async def test_a_fresh_response_replaces_the_cached_one() -> None:
    cache = new_cache()
    await cache("/a", Book, answering(Book(title="Emma")))
    assert await cache("/a", Book, answering(Book(title="Persuasion"))) == Book(title="Persuasion")
    assert await cache("/a", Book, unavailable) == Book(title="Persuasion")


async def test_a_cached_response_expires() -> None:
    clock = Clock()
    cache = new_cache(clock)
    await cache("/a", Book, answering(Book(title="Emma")))
    clock.time += MAX_AGE_S
    assert await cached(cache, ["/a"]) == ["/a"]
    clock.time += 0.1
    assert await cached(cache, ["/a"]) == []


async def test_using_a_cached_response_does_not_extend_its_life() -> None:
    clock = Clock()
    cache = new_cache(clock)
    await cache("/a", Book, answering(Book(title="Emma")))
    for _ in range(4):
        clock.time += MAX_AGE_S / 4
        assert await cached(cache, ["/a"]) == ["/a"]
    clock.time += MAX_AGE_S / 4
    assert await cached(cache, ["/a"]) == []


async def test_a_deleted_record_is_forgotten() -> None:
    cache = new_cache()
    await cache("/a", Book, answering(Book(title="Emma")))
    assert await cache("/a", Book, answering(None)) is None
    assert await cached(cache, ["/a"]) == []
    await cache("/a", Book, answering(Book(title="Emma")))
    assert await cached(cache, ["/a"]) == ["/a"]


async def test_the_least_recently_used_response_is_dropped_first() -> None:
    cache = new_cache()
    paths = [f"/{number}" for number in range(MAX_RECORDS)]
    for path in paths:
        await cache(path, Book, answering(Book(title=path)))
    assert await cached(cache, paths[:1]) == paths[:1]
    await cache("/new", Book, answering(Book(title="new")))
    assert await cached(cache, [*paths, "/new"]) == [paths[0], *paths[2:], "/new"]
    assert len(cache.responses) == MAX_RECORDS


async def test_records_that_do_not_exist_displace_none_that_do() -> None:
    cache = new_cache()
    paths = [f"/{number}" for number in range(MAX_RECORDS)]
    for path in paths[1:]:
        await cache(path, Book, answering(Book(title=path)))
    for number in range(100):
        await cache(f"/none/{number}", Book, answering(None))
    await cache(paths[0], Book, answering(Book(title=paths[0])))
    assert await cached(cache, paths) == paths
    assert len(cache.responses) == MAX_RECORDS


async def test_a_cached_response_is_used_only_for_the_view_it_was_read_as() -> None:
    cache = new_cache()
    await cache("/a", Book, answering(Book(title="Emma")))
    assert cache.recall("/a", Book) == Book(title="Emma")
    assert cache.recall("/a", Title) is None


async def test_callers_cannot_change_a_cached_response() -> None:
    cache = new_cache()
    found = await cache("/a", Book, answering(Book(title="Emma", authors=["Austen"])))
    assert found is not None
    found.authors.append("Brontë")
    recalled = await cache("/a", Book, unavailable)
    assert recalled == Book(title="Emma", authors=["Austen"])
    recalled.authors.clear()
    assert await cache("/a", Book, unavailable) == Book(title="Emma", authors=["Austen"])


@pytest.mark.parametrize("later", [Book(title="Persuasion"), None], ids=["changed", "deleted"])
async def test_a_late_response_does_not_replace_the_one_to_a_later_request(
    later: Book | None,
) -> None:
    cache, released = new_cache(), asyncio.Event()

    async def slow() -> Book | None:
        await released.wait()
        return Book(title="Emma")

    first = asyncio.create_task(cache("/a", Book, slow))
    await asyncio.sleep(0.05)  # longer than a tick of any clock
    await cache("/a", Book, answering(later))
    released.set()
    assert await first == Book(title="Emma")
    assert cache.recall("/a", Book) == later


async def test_each_service_has_a_cache_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "url", lambda *_: "http://test")
    monkeypatch.setattr(resource, "open_client", lambda *_: httpx2.AsyncClient())
    settings = settings_for(dict.fromkeys(SERVICES, "nowhere"))
    runtime = Runtime("it", settings, None)  # type: ignore[arg-type]  # clients use no database
    async with resource.HttpClients(services=("one", "other")).lifespan(runtime):
        one, other = runtime.clients["one"].cache, runtime.clients["other"].cache
        assert isinstance(one, ResponseCache)
        assert isinstance(other, ResponseCache)
        one.remember("/a", Book(title="Emma"), one.clock())
        assert one.recall("/a", Book)
        assert other.recall("/a", Book) is None
        limits = settings.cache_fallback_max_records, settings.cache_fallback_ttl_s
        assert (one.max_records, one.max_age_s) == limits


class Shelf:
    """A service that has one book, and one fault when a test sets it."""

    def __init__(self) -> None:
        self.fault = ""
        self.title = "Emma"
        self.book = new_id()
        transport = httpx2.MockTransport(self.answer)
        http = httpx2.AsyncClient(transport=transport, base_url="http://test")
        self.client = Client("shelf", http, TIMEOUT_S, cache=new_cache())

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        match self.fault:
            case "unreachable":
                raise httpx2.ConnectError("nobody is there", request=request)
            case "hanging":
                await asyncio.sleep(60)
            case "failing":
                return httpx2.Response(500)
            case "malformed":
                return httpx2.Response(200, content=b'{"title": [1, "\xff')
            case "refusing":
                return httpx2.Response(422)
        if request.url.path.endswith(str(self.book)):
            return httpx2.Response(200, json={"title": self.title})
        return httpx2.Response(404)

    async def ask(self, *, known: bool) -> tuple[Counter[str], float]:
        """Ask several times for the book or for unknown ones: how often each answer came, and how long the slowest took."""
        answers: Counter[str] = Counter()
        slowest_s = 0.0
        for _ in range(CALLS):
            started = time.monotonic()
            try:
                found = await self.client.find("books", self.book if known else new_id(), Book)
                answers[found.title if found else "none"] += 1
            except ServiceUnavailable:
                answers["unavailable"] += 1
            slowest_s = max(slowest_s, time.monotonic() - started)
        return answers, slowest_s


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("known", "answer"), [(True, "Emma"), (False, "unavailable")])
async def test_only_a_known_record_is_found_while_its_service_has_a_fault(
    fault: str, known: bool, answer: str
) -> None:
    shelf = Shelf()
    await shelf.ask(known=True)
    shelf.fault = fault
    answers, slowest_s = await shelf.ask(known=known)
    assert answers == {answer: CALLS}
    assert slowest_s < TIMEOUT_S + MARGIN_S


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_service_that_recovered_is_called_again(fault: str) -> None:
    shelf = Shelf()
    await shelf.ask(known=True)
    shelf.fault = fault
    await shelf.ask(known=True)
    shelf.fault, shelf.title = "", "Persuasion"
    shelf.client.breaker.succeeded()
    answers, _ = await shelf.ask(known=True)
    assert answers == {"Persuasion": CALLS}


async def test_while_the_circuit_is_open_the_cached_response_comes_at_once() -> None:
    shelf = Shelf()
    await shelf.ask(known=True)
    shelf.fault = "hanging"
    _, slowest_s = await shelf.ask(known=True)
    assert slowest_s >= TIMEOUT_S
    if shelf.client.breaker.is_open:
        _, slowest_s = await shelf.ask(known=True)
        assert slowest_s < TIMEOUT_S
