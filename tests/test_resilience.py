"""A neighbour that hangs, fails or talks nonsense: callers are told in time, with every way to bear it."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from copies import Generate
from live import SERVICE_KEY, eventually, running
from projects import environment, free_ports, model, run

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
    "circuit_breaker": ("per_neighbour", "timeouts_only"),
    "failure_isolation": ("process", "bulkheads"),
}
COMBINATIONS = [dict(zip(CHOICES, options, strict=True)) for options in itertools.product(*CHOICES.values())]
FAULTS = ("hang", "fail", "babble")

CALLS = 8
AT_ONCE = 30
PLACES = 10
LIMIT_S = 2.0
MARGIN_S = 3.0
"""What a busy machine may add to a time limit."""


class Neighbour(ThreadingHTTPServer):
    """Stands where `rooms` is expected, does one thing wrong, and counts what it is asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.fault = ""
        self.asked = 0
        self.over = threading.Event()
        self.counting = threading.Lock()


class Answer(BaseHTTPRequestHandler):
    server: Neighbour

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


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    server = Neighbour()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class Bookings:
    """The service that calls, and how it was told to bear failures."""

    path: Path
    url: str
    options: dict[str, str]

    @contextmanager
    def running(self, log: Path, neighbour: Neighbour) -> Iterator[None]:
        settings = {
            "ROOMS_URL": f"http://127.0.0.1:{neighbour.server_port}",
            "CALL_TIMEOUT_S": str(LIMIT_S),
            "CALLS_PER_NEIGHBOUR": str(PLACES),
            "API_KEYS": "{}",
        }
        with running(self.path, log, "serve", "bookings", **settings):
            eventually(self.answers)
            yield

    def answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/health/ready").is_success
        except httpx2.TransportError:
            return False

    async def book(self, times: int, at_once: int) -> list[tuple[httpx2.Response, float]]:
        """Book rooms that the neighbour is asked about; the answers, and how long each took."""
        few = asyncio.Semaphore(at_once)

        async def one(client: httpx2.AsyncClient) -> tuple[httpx2.Response, float]:
            async with few:
                started = time.monotonic()
                draft = {"room": str(uuid.uuid4()), "guest": "Ada"}
                answer = await client.post(f"{self.url}/v1/bookings", json=draft)
                return answer, time.monotonic() - started

        async with httpx2.AsyncClient(headers={"X-API-Key": SERVICE_KEY}, timeout=30) as client:
            return await asyncio.gather(*(one(client) for _ in range(times)))


@pytest.fixture(scope="module", params=COMBINATIONS, ids=lambda it: "-".join(it.values()))
def bookings(request: pytest.FixtureRequest, generate: Generate) -> Bookings:
    """A project of each combination, migrated."""
    path = generate(PRODUCT | request.param | {"port_base": free_ports(3) + 1})
    run(path, "migrate", env=environment(SERVICE_KEY=SERVICE_KEY, API_KEYS="{}"))
    return Bookings(path, model(path).url("bookings"), request.param)


def is_problem(answer: httpx2.Response) -> bool:
    """Whether a caller is told what is wrong, in the way in which it is always told."""
    told = answer.headers["content-type"] == "application/problem+json" and answer.json()["detail"]
    return answer.status_code == 503 and "Retry-After" in answer.headers and bool(told)


@pytest.mark.parametrize("fault", FAULTS)
def test_callers_are_told_in_time(bookings: Bookings, neighbour: Neighbour, fault: str, tmp_path: Path) -> None:
    """One call after the other: each has its answer in time, and the neighbour is asked as often as was decided."""
    neighbour.fault = fault
    with bookings.running(tmp_path / "log", neighbour):
        answers = asyncio.run(bookings.book(CALLS, at_once=1))
    assert all(is_problem(answer) for answer, _ in answers), [answer.text for answer, _ in answers]
    assert max(seconds for _, seconds in answers) < LIMIT_S + MARGIN_S
    # An answer that makes no sense is an answer: the neighbour is there.
    spared = bookings.options["circuit_breaker"] == "per_neighbour" and fault != "babble"
    tries = 3 if bookings.options["retry_strategy"] == "backoff" and fault == "fail" else 1
    assert neighbour.asked == (5 if spared else CALLS) * tries


def test_a_full_share_is_told_at_once(bookings: Bookings, neighbour: Neighbour, tmp_path: Path) -> None:
    """Many calls at once to a neighbour that hangs: only so many are under way as it has a share for."""
    neighbour.fault = "hang"
    with bookings.running(tmp_path / "log", neighbour):
        answers = asyncio.run(bookings.book(AT_ONCE, at_once=AT_ONCE))
    assert all(is_problem(answer) for answer, _ in answers)
    assert max(seconds for _, seconds in answers) < LIMIT_S + MARGIN_S
    said = Counter("busy" if "busy" in answer.json()["detail"] else "away" for answer, _ in answers)
    if bookings.options["failure_isolation"] == "bulkheads":
        assert said == {"busy": AT_ONCE - PLACES, "away": PLACES}
        assert neighbour.asked == PLACES
        assert max(seconds for answer, seconds in answers if "busy" in answer.json()["detail"]) < LIMIT_S
    else:
        assert said == {"away": AT_ONCE}
        assert neighbour.asked == AT_ONCE


def test_nothing_is_left_of_what_was_not_chosen(bookings: Bookings) -> None:
    """Neither a dependency nor a setting nor a word in the code."""
    text = {path: path.read_text("utf-8") for path in (bookings.path / "services").rglob("*.py")}
    for name in ("pyproject.toml", ".env.example", "docs/operations.md"):
        text[bookings.path / name] = (bookings.path / name).read_text("utf-8")

    def found(word: str) -> bool:
        return any(word in content for content in text.values())

    assert found("stamina") == (bookings.options["retry_strategy"] == "backoff")
    assert found("Half-open") == (bookings.options["circuit_breaker"] == "per_neighbour")
    assert found("calls_per_neighbour") == (bookings.options["failure_isolation"] == "bulkheads")
    guide = (bookings.path / "Planning" / "ImplementationGuide.md").read_text("utf-8")
    row = next(line for line in guide.splitlines() if line.startswith("| a neighbour is slow or away"))
    assert ("retries" in row) == (bookings.options["retry_strategy"] == "backoff")
    assert ("breaker" in row) == (bookings.options["circuit_breaker"] == "per_neighbour")
    assert ("a share of the calls" in row) == (bookings.options["failure_isolation"] == "bulkheads")
