"""A dependency that hangs, fails or answers nonsense: callers are answered in time, under every option."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from copies import Generate
from live import SERVICE_KEY, eventually, running
from projects import environment, free_port_base, model, run

PRODUCT = {
    "project_name": "Rooms",
    "concept": "Rooms are booked, and each booking is checked against the rooms.",
    "services": [
        "rooms: knows the rooms",
        {"name": "bookings", "responsibility": "keeps who is where", "depends_on": ["rooms"]},
    ],
    "data_entities": ["rooms.Room(label: str)", "bookings.Booking(room: Room, guest: str)"],
    "architecture_style": "services",
}
CHOICES = {
    "retry_strategy": ("backoff", "none"),
    "circuit_breaker": ("per_dependency", "timeouts_only"),
    "failure_isolation": ("process", "bulkheads"),
}
COMBINATIONS = [dict(zip(CHOICES, options, strict=True)) for options in itertools.product(*CHOICES.values())]
FAULTS = ("hang", "fail", "babble")

CALLS = 8
AT_ONCE = 30
PLACES = 10
LIMIT_S = 2.0
HANGING_S = 1.0
"""The time limit where every call waits until it is over."""
MARGIN_S = 3.0
"""What a busy machine may add to a time limit."""


class Dependency(ThreadingHTTPServer):
    """Stands where `rooms` is expected, does one thing wrong, and counts what it is asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int = 0, fault: str = "") -> None:
        super().__init__(("127.0.0.1", port), Answer)
        self.fault = fault
        self.asked = 0
        self.over = threading.Event()
        self.counting = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Dependency

    def do_GET(self) -> None:
        with self.server.counting:
            self.server.asked += 1
        if self.server.fault == "hang":
            self.server.over.wait()
            return
        self.send_response(500 if self.server.fault == "fail" else 200)
        body = b'{"label": [1, "\xff'
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def standing(server: Dependency) -> Iterator[Dependency]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def dependency() -> Iterator[Dependency]:
    with standing(Dependency()) as server:
        yield server


@dataclass(frozen=True)
class Bookings:
    """The service that calls, and how it is configured to handle failures."""

    path: Path
    url: str
    options: dict[str, str]

    @contextmanager
    def running(self, log: Path, dependency: str, limit_s: float = LIMIT_S) -> Iterator[None]:
        settings = {
            "ROOMS_URL": dependency,
            "CALL_TIMEOUT_S": str(limit_s),
            "MAX_CALLS_PER_SERVICE": str(PLACES),
            "API_KEYS": "{}",
        }
        with running(self.path, log, "serve", "bookings", **settings):
            eventually(lambda: ready(self.url))
            yield

    async def book(self, rooms: Sequence[str], at_once: int) -> list[tuple[httpx2.Response, float]]:
        """Book rooms that the dependency is asked about; the answers, and how long each took."""
        few = asyncio.Semaphore(at_once)

        async def one(client: httpx2.AsyncClient, room: str) -> tuple[httpx2.Response, float]:
            async with few:
                started = time.monotonic()
                draft = {"room": room, "guest": "Ada"}
                answer = await client.post(f"{self.url}/v1/bookings", json=draft)
                return answer, time.monotonic() - started

        async with httpx2.AsyncClient(headers={"X-API-Key": SERVICE_KEY}, timeout=30) as client:
            return await asyncio.gather(*(one(client, room) for room in rooms))


def ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health/ready").is_success
    except httpx2.TransportError:
        return False


def unknown(times: int) -> list[str]:
    """Rooms that nobody has heard of."""
    return [str(uuid.uuid4()) for _ in range(times)]


@pytest.fixture(scope="module", params=COMBINATIONS, ids=lambda it: "-".join(it.values()))
def bookings(request: pytest.FixtureRequest, generate: Generate) -> Bookings:
    """A project of each combination, migrated."""
    path = generate(PRODUCT | request.param | {"port_base": free_port_base(2)})
    run(path, "migrate", env=environment(SERVICE_KEY=SERVICE_KEY, API_KEYS="{}"))
    return Bookings(path, model(path).url("bookings"), request.param)


def is_problem(answer: httpx2.Response) -> bool:
    """Whether the answer is a problem document that says what is wrong, as it always is."""
    explained = answer.headers["content-type"] == "application/problem+json" and answer.json()["detail"]
    return answer.status_code == 503 and "Retry-After" in answer.headers and bool(explained)


@pytest.mark.parametrize("fault", FAULTS)
def test_callers_are_answered_in_time(bookings: Bookings, dependency: Dependency, fault: str, tmp_path: Path) -> None:
    """One call after the other: each has its answer in time, and the dependency is asked as often as was decided."""
    dependency.fault = fault
    limit_s = HANGING_S if fault == "hang" else LIMIT_S
    with bookings.running(tmp_path / "log", dependency.url, limit_s):
        answers = asyncio.run(bookings.book(unknown(CALLS), at_once=1))
    assert all(is_problem(answer) for answer, _ in answers), [answer.text for answer, _ in answers]
    assert max(seconds for _, seconds in answers) < limit_s + MARGIN_S
    # An answer that makes no sense is an answer: the dependency is there.
    spared = bookings.options["circuit_breaker"] == "per_dependency" and fault != "babble"
    tries = 3 if bookings.options["retry_strategy"] == "backoff" and fault == "fail" else 1
    assert dependency.asked == (5 if spared else CALLS) * tries


def test_a_full_share_is_refused_at_once(bookings: Bookings, dependency: Dependency, tmp_path: Path) -> None:
    """Many calls at once to a dependency that hangs: only so many are under way as it has a share for."""
    dependency.fault = "hang"
    with bookings.running(tmp_path / "log", dependency.url):
        answers = asyncio.run(bookings.book(unknown(AT_ONCE), at_once=AT_ONCE))
    assert all(is_problem(answer) for answer, _ in answers)
    assert max(seconds for _, seconds in answers) < LIMIT_S + MARGIN_S
    causes = Counter("busy" if "busy" in answer.json()["detail"] else "away" for answer, _ in answers)
    if bookings.options["failure_isolation"] == "bulkheads":
        assert causes == {"busy": AT_ONCE - PLACES, "away": PLACES}
        assert dependency.asked == PLACES
        assert max(seconds for answer, seconds in answers if "busy" in answer.json()["detail"]) < LIMIT_S
    else:
        assert causes == {"away": AT_ONCE}
        assert dependency.asked == AT_ONCE


def test_nothing_is_left_of_what_was_not_chosen(bookings: Bookings) -> None:
    """Neither a dependency nor a setting nor a word in the code."""
    text = {path: path.read_text("utf-8") for path in (bookings.path / "services").rglob("*.py")}
    for name in ("pyproject.toml", ".env.example", "docs/operations.md"):
        text[bookings.path / name] = (bookings.path / name).read_text("utf-8")

    def found(word: str) -> bool:
        return any(word in content for content in text.values())

    assert found("stamina") == (bookings.options["retry_strategy"] == "backoff")
    assert found("Half-open") == (bookings.options["circuit_breaker"] == "per_dependency")
    assert not found("cache_fallback")
    assert found("max_calls_per_service") == (bookings.options["failure_isolation"] == "bulkheads")
    guide = (bookings.path / "Planning" / "ImplementationGuide.md").read_text("utf-8")
    row = next(line for line in guide.splitlines() if line.startswith("| a dependency is slow or unavailable"))
    assert ("retries" in row) == (bookings.options["retry_strategy"] == "backoff")
    assert ("breaker" in row) == (bookings.options["circuit_breaker"] == "per_dependency")
    assert ("a share of the calls" in row) == (bookings.options["failure_isolation"] == "bulkheads")


@pytest.fixture(scope="module", params=("process", "degrade"))
def pair(request: pytest.FixtureRequest, generate: Generate) -> Bookings:
    """A project whose owner of rooms runs, too."""
    path = generate(PRODUCT | {"failure_isolation": request.param, "port_base": free_port_base(2)})
    run(path, "migrate", env=environment(SERVICE_KEY=SERVICE_KEY, API_KEYS="{}"))
    return Bookings(path, model(path).url("bookings"), {"failure_isolation": request.param})


class Rooms:
    """The owner of rooms, which comes and goes."""

    def __init__(self, project: Path, log: Path) -> None:
        self.project = project
        self.log = log
        self.url = model(project).url("rooms")

    @contextmanager
    def running(self) -> Iterator[httpx2.Client]:
        with (
            running(self.project, self.log, "serve", "rooms", API_KEYS="{}"),
            httpx2.Client(base_url=self.url, headers={"X-API-Key": SERVICE_KEY}) as client,
        ):
            eventually(lambda: ready(self.url))
            yield client

    @contextmanager
    def failing(self, fault: str) -> Iterator[None]:
        with ExitStack() as stack:
            if fault != "gone":
                stack.enter_context(standing(Dependency(httpx2.URL(self.url).port or 0, fault)))
            yield


def counted(answers: Sequence[tuple[httpx2.Response, float]]) -> Counter[int]:
    """How often each status answered, all in time, and each failure as a problem document."""
    assert max(seconds for _, seconds in answers) < LIMIT_S + MARGIN_S
    assert all(is_problem(answer) for answer, _ in answers if answer.status_code not in (201, 409))
    return Counter(answer.status_code for answer, _ in answers)


@pytest.mark.parametrize("fault", [*FAULTS, "gone"])
def test_an_owner_fails_and_is_back(pair: Bookings, fault: str, tmp_path: Path) -> None:
    """Records in the cache can be booked meanwhile where that was decided, and nothing else; then all is as before."""
    owner, log = Rooms(pair.path, tmp_path / "rooms"), tmp_path / "log"

    def book(rooms: Sequence[str]) -> Counter[int]:
        return counted(asyncio.run(pair.book(rooms, at_once=CALLS)))

    with pair.running(log, owner.url):
        with owner.running() as client:
            known = [client.post("/v1/rooms", json={"label": f"Room {it}"}).json()["id"] for it in range(CALLS)]
            gone = client.post("/v1/rooms", json={"label": "gone"}).json()["id"]
            assert book([*known, gone]) == {201: CALLS + 1}
            client.delete(f"/v1/rooms/{gone}", headers={"If-Match": '"1"'}).raise_for_status()
            assert book([gone]) == {409: 1}

        with owner.failing(fault):
            answered_with = {"cached": book(known), "cached, once more": book(known), "deleted": book([gone])}
            answered_with["never cached"] = book(unknown(CALLS))
        print(f"\n{pair.options['failure_isolation']}, {fault}: {answered_with}")
        answered = 201 if pair.options["failure_isolation"] == "degrade" else 503
        assert answered_with == {
            "cached": {answered: CALLS},
            "cached, once more": {answered: CALLS},
            "deleted": {503: 1},
            "never cached": {503: CALLS},
        }

        with owner.running() as client:
            new = client.post("/v1/rooms", json={"label": "new"}).json()["id"]
            eventually(lambda: book([new]) == {201: 1})
            assert book(known) == {201: CALLS}
            assert book([gone, *unknown(CALLS)]) == {409: CALLS + 1}

        lines = log.read_text("utf-8")  # before it is stopped, which a busy machine may do by force

    assert "Traceback" not in lines
    assert "request failed" not in lines
    used = lines.count("cached_response_used")
    # Until the breaker lets a call through, they may be used once more.
    assert (used >= 2 * CALLS) if answered == 201 else (used == 0)
