"""What is seen of a running project: plain lines, numbers, and traces that cross services and events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from copies import Generate
from groundplan.project import Project
from live import SERVICE_KEY, Running, eventually, running
from projects import check_whole, free_port_base, free_ports, model
from samples import sampled

PRODUCT = {
    "project_name": "Loans",
    "concept": "Books are lent, and each borrower is written to.",
    "services": [
        "shelf: knows the books",
        {
            "name": "desk",
            "responsibility": "lends books",
            "depends_on": ["shelf"],
            "publishes": ["loan.made on create Loan"],
        },
        {
            "name": "post",
            "responsibility": "writes letters",
            "subscribes": ["on loan.made: create Letter(loan: id)"],
        },
    ],
    "data_entities": ["shelf.Book(title: str)", "desk.Loan(book: Book, reader: str)", "post.Letter(loan: uuid)"],
}
SHAPES = ("services", "modular_monolith")
OPTIONS = (
    {"monitoring": "prometheus"},
    {"monitoring": "opentelemetry"},
    {"logging": "plain"},
    {"retry_strategy": "none", "circuit_breaker": "timeouts_only"},
    {"failure_isolation": "bulkheads"},
)
KEY = {"X-API-Key": SERVICE_KEY}
METRICS_KEY = "key-of-the-numbers"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
FROM_CALLER = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


WHOLE = [it | {"architecture_style": shape} for it in OPTIONS for shape in SHAPES]


@pytest.mark.parametrize("options", sampled(WHOLE, 4), ids=lambda it: "-".join(it.values()))
def test_a_project_with_an_option_is_clean_and_works(options: dict[str, str], generate: Generate) -> None:
    check_whole(generate(PRODUCT | options))


@dataclass(frozen=True)
class Library:
    """A running project."""

    project: Project
    dev: Running

    def post(self, service: str, path: str, headers: dict[str, str] | None = None, **draft: str) -> dict[str, str]:
        url = f"{self.project.url(service)}/v1/{path}"
        answer = httpx2.post(url, json=draft, headers=KEY | (headers or {})).raise_for_status()
        found: dict[str, str] = answer.json()
        return found

    def get(self, service: str, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        return httpx2.get(f"{self.project.url(service)}{path}", headers=KEY if headers is None else headers)

    def lend(self, headers: dict[str, str] | None = None) -> dict[str, str]:
        """Lend a new book, and wait until the letter about it is written."""
        book = self.post("shelf", "books", title="Emma")
        loan = self.post("desk", "loans", headers, book=book["id"], reader="Ada")
        eventually(lambda: loan["id"] in self.get("post", "/v1/letters").text)
        return loan


@contextmanager
def library(generate: Generate, log: Path, settings: dict[str, str], **answers: object) -> Iterator[Library]:
    """Start a project as its developers do."""
    path = generate(PRODUCT | {"port_base": free_port_base(3)} | answers)
    with running(path, log, "dev", **settings) as dev:
        it = Library(model(path), dev)
        for service in ("shelf", "desk", "post"):
            eventually(lambda name=service: answering(it, name), within=60)  # type: ignore[misc]
        yield it


def answering(it: Library, service: str) -> bool:
    try:
        return it.get(service, "/health/ready").is_success
    except httpx2.TransportError:
        return False


@pytest.mark.parametrize("shape", SHAPES)
def test_a_trace_crosses_services_and_events(generate: Generate, shape: str, tmp_path: Path) -> None:
    """From a caller to desk, from desk to shelf, and with the event to post, in one trace at a real collector."""
    port = free_ports(5)
    answers = {"architecture_style": shape, "monitoring": "opentelemetry", "port_base": port + 2}
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_BSP_SCHEDULE_DELAY": "200"}
    seen = tmp_path / "seen"
    with ExitStack() as stack:
        path = generate(PRODUCT | answers)
        collector = Path(__file__).with_name("otlp.py")
        stack.enter_context(running(path, seen, "python", str(collector), str(port)))
        it = stack.enter_context(library(generate, tmp_path / "log", settings, **answers))
        it.lend(FROM_CALLER)

        def parts() -> dict[str, dict[str, str]]:
            lines = (json.loads(line) for line in seen.read_text().splitlines() if line.startswith("{"))
            return {f"{part['service']}: {part['name']}": part for part in lines if part["trace"] == TRACE}

        eventually(lambda: len(parts()) >= 4)
        found = parts()
    lent, asked = found["desk: POST /v1/loans"], found["desk: GET shelf"]
    read, wrote = found["shelf: GET /v1/books/{id}"], found["post: process loan.made"]
    assert lent["parent"] == FROM_CALLER["traceparent"].split("-")[2]
    assert (asked["parent"], read["parent"], wrote["parent"]) == (lent["id"], asked["id"], lent["id"])
    assert TRACE in (tmp_path / "log").read_text()


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:9"], ids=["none", "away"])
def test_nothing_suffers_without_a_collector(generate: Generate, endpoint: str, tmp_path: Path) -> None:
    """Where none is named, nothing is logged about it; where it is unavailable, requests go on without a delay."""
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    with library(generate, tmp_path / "log", settings, monitoring="opentelemetry") as it:
        for _ in range(3):
            it.lend(FROM_CALLER)
        it.dev.press_ctrl_c()
    lines = re.findall(r"(?i).*(?:opentelemetry|otlp|traceback|\[error).*", it.dev.output)
    assert bool(lines) == bool(endpoint), it.dev.output
    assert "Traceback" not in it.dev.output


@pytest.mark.parametrize("shape", SHAPES)
def test_prometheus_reads_the_numbers(generate: Generate, shape: str, tmp_path: Path) -> None:
    settings = {"METRICS_KEY": METRICS_KEY}
    answers = {"architecture_style": shape, "monitoring": "prometheus"}
    with library(generate, tmp_path / "log", settings, **answers) as it:
        for _ in range(3):
            it.lend()
        it.get("desk", "/v1/loans/nonsense")
        refused = [it.get("desk", "/metrics", sent).status_code for sent in ({}, KEY, {"Authorization": "Bearer no"})]
        numbers = it.get("desk", "/metrics", {"Authorization": f"Bearer {METRICS_KEY}"}).raise_for_status().text
    assert refused == [401, 401, 401]
    counted = 'http_request_duration_seconds_count{method="%s",route="%s",status="%s"} %s'
    assert counted % ("POST", "/v1/loans", 201, 3.0) in numbers
    assert counted % ("GET", "/v1/loans/{id}", 422, 1.0) in numbers
    assert 'circuit_breaker_open{dependency="shelf"} 0.0' in numbers
    assert "outbox_events_waiting" in numbers


def test_plain_lines_follow_a_request(generate: Generate, tmp_path: Path) -> None:
    """Through both services, readable as they are."""
    with library(generate, tmp_path / "log", {}, logging="plain", architecture_style="services") as it:
        it.lend({"X-Request-ID": "mine-1"})
        it.get("desk", "/v1/%0A2026-03-01 [info] forged")
    lines = [line for line in it.dev.output.splitlines() if "request_id='mine-1'" in line]
    assert sorted(re.findall(r"path='(/v1/\w+)", "\n".join(lines))) == ["/v1/books", "/v1/loans"]
    assert not any(line.startswith(("{", "2026-03-01")) for line in it.dev.output.splitlines())
    assert "LOG_FORMAT" not in {variable.name for variable in it.project.environment}
