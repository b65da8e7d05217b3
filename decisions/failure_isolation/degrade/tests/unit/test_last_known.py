"""While a neighbour is away, what it last said stands in: young, of few records, and never where it answers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import httpx2
import pytest
from pydantic import Field
from structlog.testing import capture_logs

from services.common.clients import Client
from services.common.errors import Away
from services.common.last_known import LastKnown, memory
from services.common.models import View
from services.common.utils import new_id
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import settings_for

RECORDS = 3
FOR_S = 60.0
LIMIT_S = 0.5
MARGIN_S = 1.0
"""What a busy machine may add to a time limit."""
CALLS = 6
FAULTS = ("gone", "hang", "fail", "babble", "refuse")


class Book(View):
    """What a test reads of a record."""

    title: str
    authors: list[str] = Field(default_factory=list)


class Shelf(View):
    """What it might read of it, too."""

    title: str


class Clock:
    """Time that a test moves."""

    time = 1000.0

    def __call__(self) -> float:
        return self.time


def says(found: Book | None) -> Callable[[], Awaitable[Book | None]]:
    """A neighbour that answers."""

    async def ask() -> Book | None:
        return found

    return ask


async def away() -> Book | None:
    """A neighbour that is away."""
    raise Away("it is not available.")


def remembering(clock: Callable[[], float] = time.monotonic) -> LastKnown:
    return LastKnown("it", RECORDS, FOR_S, clock)


async def known(it: LastKnown, paths: Sequence[str]) -> list[str]:
    """The records that are found while their owner is away."""
    found = []
    for path in paths:
        try:
            await it(path, Book, away)
        except Away:
            continue
        found.append(path)
    return found


async def test_what_was_said_stands_in_and_is_told() -> None:
    clock = Clock()
    it = remembering(clock)
    await it("/a", Book, says(Book(title="Emma")))
    clock.time += 12.34
    with capture_logs() as logs:
        assert await it("/a", Book, away) == Book(title="Emma")
    told = {"neighbour": "it", "path": "/a", "age_s": 12.3, "log_level": "warning"}
    assert [told.items() <= line.items() for line in logs] == [True]


async def test_what_was_never_heard_of_is_not_known() -> None:
    it = remembering()
    with capture_logs() as logs, pytest.raises(Away, match="it is not available"):
        await it("/a", Book, away)
    assert logs == []


async def test_a_fresh_answer_wins() -> None:
    it = remembering()
    await it("/a", Book, says(Book(title="Emma")))
    assert await it("/a", Book, says(Book(title="Persuasion"))) == Book(title="Persuasion")
    assert await it("/a", Book, away) == Book(title="Persuasion")


async def test_what_was_said_too_long_ago_is_not_known() -> None:
    clock = Clock()
    it = remembering(clock)
    await it("/a", Book, says(Book(title="Emma")))
    clock.time += FOR_S
    assert await known(it, ["/a"]) == ["/a"]
    clock.time += 0.1
    assert await known(it, ["/a"]) == []


async def test_standing_in_makes_nothing_younger() -> None:
    clock = Clock()
    it = remembering(clock)
    await it("/a", Book, says(Book(title="Emma")))
    for _ in range(4):
        clock.time += FOR_S / 4
        assert await known(it, ["/a"]) == ["/a"]
    clock.time += FOR_S / 4
    assert await known(it, ["/a"]) == []


async def test_a_record_that_is_no_more_is_forgotten() -> None:
    it = remembering()
    await it("/a", Book, says(Book(title="Emma")))
    assert await it("/a", Book, says(None)) is None
    assert await known(it, ["/a"]) == []
    await it("/a", Book, says(Book(title="Emma")))
    assert await known(it, ["/a"]) == ["/a"]


async def test_what_is_needed_stays_and_the_rest_goes() -> None:
    it = remembering()
    paths = [f"/{number}" for number in range(RECORDS)]
    for path in paths:
        await it(path, Book, says(Book(title=path)))
    assert await known(it, paths[:1]) == paths[:1]
    await it("/new", Book, says(Book(title="new")))
    assert await known(it, [*paths, "/new"]) == [paths[0], *paths[2:], "/new"]
    assert len(it.said) == RECORDS


async def test_records_that_are_not_there_take_no_place() -> None:
    it = remembering()
    paths = [f"/{number}" for number in range(RECORDS)]
    for path in paths[1:]:
        await it(path, Book, says(Book(title=path)))
    for number in range(100):
        await it(f"/none/{number}", Book, says(None))
    await it(paths[0], Book, says(Book(title=paths[0])))
    assert await known(it, paths) == paths
    assert len(it.said) == RECORDS


async def test_each_type_is_known_as_what_was_read() -> None:
    it = remembering()
    await it("/a", Book, says(Book(title="Emma")))
    assert it.recall("/a", Book) == Book(title="Emma")
    assert it.recall("/a", Shelf) is None


async def test_nobody_changes_what_is_remembered() -> None:
    it = remembering()
    found = await it("/a", Book, says(Book(title="Emma", authors=["Austen"])))
    assert found is not None
    found.authors.append("Brontë")
    recalled = await it("/a", Book, away)
    assert recalled == Book(title="Emma", authors=["Austen"])
    recalled.authors.clear()
    assert await it("/a", Book, away) == Book(title="Emma", authors=["Austen"])


@pytest.mark.parametrize("later", [Book(title="Persuasion"), None], ids=["changed", "deleted"])
async def test_the_answer_to_a_later_question_stays(later: Book | None) -> None:
    """Two ask at once, and the first to ask has its answer last."""
    it, let = remembering(), asyncio.Event()

    async def slow() -> Book | None:
        await let.wait()
        return Book(title="Emma")

    first = asyncio.create_task(it("/a", Book, slow))
    await asyncio.sleep(0.05)  # longer than a tick of any clock
    await it("/a", Book, says(later))
    let.set()
    assert await first == Book(title="Emma")
    assert it.recall("/a", Book) == later


def test_neighbours_do_not_share() -> None:
    settings = settings_for(dict.fromkeys(SERVICES, "nowhere"))
    one, other = memory("one", settings), memory("other", settings)
    assert isinstance(one, LastKnown)
    assert isinstance(other, LastKnown)
    one.keep("/a", Book(title="Emma"), one.clock())
    assert one.recall("/a", Book)
    assert other.recall("/a", Book) is None
    assert (one.records, one.for_s) == (settings.last_known_records, settings.last_known_for_s)


class Neighbour:
    """Has one book, and does one thing wrong when it is told to."""

    def __init__(self) -> None:
        self.fault = ""
        self.title = "Emma"
        self.book = new_id()
        transport = httpx2.MockTransport(self.answer)
        http = httpx2.AsyncClient(transport=transport, base_url="http://test")
        self.client = Client("shelf", http, LIMIT_S, memory=remembering())

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        match self.fault:
            case "gone":
                raise httpx2.ConnectError("nobody is there", request=request)
            case "hang":
                await asyncio.sleep(60)
            case "fail":
                return httpx2.Response(500)
            case "babble":
                return httpx2.Response(200, content=b'{"title": [1, "\xff')
            case "refuse":
                return httpx2.Response(422)
        if request.url.path.endswith(str(self.book)):
            return httpx2.Response(200, json={"title": self.title})
        return httpx2.Response(404)

    async def asked(self, known: bool) -> tuple[Counter[str], float]:
        """How often a book is found, or its owner away; and how long the slowest took."""
        said: Counter[str] = Counter()
        slowest = 0.0
        for _ in range(CALLS):
            started = time.monotonic()
            try:
                found = await self.client.find("books", self.book if known else new_id(), Book)
                said[found.title if found else "none"] += 1
            except Away:
                said["away"] += 1
            slowest = max(slowest, time.monotonic() - started)
        return said, slowest


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("known", "answer"), [(True, "Emma"), (False, "away")])
async def test_a_known_record_is_found_and_no_other_while_its_owner_fails(
    fault: str, known: bool, answer: str
) -> None:
    shelf = Neighbour()
    await shelf.asked(known=True)
    shelf.fault = fault
    said, slowest = await shelf.asked(known)
    assert said == {answer: CALLS}
    assert slowest < LIMIT_S + MARGIN_S


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_neighbour_that_is_back_is_believed(fault: str) -> None:
    shelf = Neighbour()
    await shelf.asked(known=True)
    shelf.fault = fault
    await shelf.asked(known=True)
    shelf.fault, shelf.title = "", "Persuasion"
    shelf.client.breaker.succeeded()
    said, _ = await shelf.asked(known=True)
    assert said == {"Persuasion": CALLS}


async def test_an_open_breaker_is_answered_for_at_once() -> None:
    shelf = Neighbour()
    await shelf.asked(known=True)
    shelf.fault = "hang"
    _, slowest = await shelf.asked(known=True)
    assert slowest >= LIMIT_S
    if shelf.client.breaker.is_open:
        _, slowest = await shelf.asked(known=True)
        assert slowest < LIMIT_S
