"""Workflows in running services: whichever process is killed, each one ends done in all steps or undone in all."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from brokers import KINDS, serving
from copies import Generate
from live import Caller, Running, eventually, running
from projects import model, run
from test_services_live import on_free_ports

TICKETS: dict[str, object] = {
    "project_name": "Tickets",
    "concept": "A seat is held and paid for, or neither.",
    "storage_kind": "sqlite",
    "architecture_style": "services",
    "services": [
        {"name": "office", "responsibility": "sells seats"},
        {"name": "hall", "responsibility": "knows who sits where"},
        {"name": "bank", "responsibility": "takes the money"},
    ],
    "data_entities": [
        "office.Sale(seat: int, state: open|sold|off = open)",
        "hall.Hold(sale: uuid, seat: int)",
        "bank.Payment(sale: uuid, seat: int)",
    ],
    "workflows": [
        "selling on create Sale: Hold(sale: id, seat: seat), then Payment(sale: id, seat: seat);"
        " done: state = sold; undone: state = off; timeout: 10"
    ],
}
SERVICES = ("office", "hall", "bank")
REFUSED, DYING = 13, 66
"""Seats that the bank sells to nobody, and that it dies of when it first hears of them."""

RULES = f'''"""What the bank does for a sale."""

import os
import signal
from pathlib import Path

from services.bank.hooks import SellingPaymentStepHooks
from services.common.errors import RuleViolation


class SellingPaymentStep(SellingPaymentStepHooks):
    async def do(self, draft):
        if draft.seat == {REFUSED}:
            raise RuleViolation("not this one")
        there = Path("var") / f"died-of-{{draft.sale}}"
        if draft.seat == {DYING} and not there.exists():
            there.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return draft
'''


class Tickets:
    """The running product, and what can be counted of it."""

    def __init__(self, path: Path, logs: Path, settings: dict[str, str], stack: ExitStack) -> None:
        self.path = path
        self.caller = stack.enter_context(Caller(model(path)))
        self.processes: dict[str, Running] = {}
        self._logs = logs
        self._settings = settings
        self._stack = stack

    def start(self, service: str) -> None:
        log = self._logs / service
        self.processes[service] = self._stack.enter_context(running(self.path, log, "serve", service, **self._settings))
        eventually(lambda: self.caller.answers(service), within=60)

    def restart(self, service: str) -> None:
        """Kill a service where it stands, and start it again."""
        self.processes[service].kill()
        self.start(service)

    def sell(self, seat: int) -> str:
        """The id of a sale that was accepted; nothing of one whose service was killed meanwhile."""
        sale = self.caller.product.entities["Sale"]
        try:
            answer = self.caller.call(sale, "POST", json={"seat": seat})
        except httpx2.TransportError:
            return ""
        return str(answer.json()["id"]) if answer.status_code == 201 else ""

    def standing(self, sale: str) -> dict[str, object]:
        """Where a sale stands, as its service tells."""
        entity = self.caller.product.entities["Sale"]
        state: dict[str, object] = self.caller.call(entity, "GET", f"{sale}/selling").raise_for_status().json()
        return state

    def rows(self, service: str, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.path / "var" / f"{service}.db", timeout=10)) as database:
            return database.execute(query).fetchall()

    def states(self) -> dict[str, str]:
        """How each sale stands."""
        return dict(self.rows("office", "SELECT id, state FROM workflow"))

    def effects(self) -> tuple[Counter[str], Counter[str]]:
        """How often a seat is held and paid for, by sale."""
        held = Counter(sale for (sale,) in self.rows("hall", "SELECT sale FROM holds"))
        paid = Counter(sale for (sale,) in self.rows("bank", "SELECT sale FROM payments"))
        return held, paid

    def agree(self) -> Counter[str]:
        """See all workflows ended, and each done once in all of its steps or in none; how many ended how."""
        ended = {"done", "undone"}
        eventually(lambda: set(self.states().values()) <= ended and self._delivered(), within=150)
        states = self.states()
        sales: dict[str, str] = dict(self.rows("office", "SELECT id, state FROM sales"))
        done = Counter(sale for sale, state in states.items() if state == "done")
        assert self.effects() == (done, done)
        assert sales == {sale: "sold" if state == "done" else "off" for sale, state in states.items()}
        return Counter(states.values())

    def _delivered(self) -> bool:
        """Whether no outbox has anything left."""
        return not any(self.rows(service, "SELECT position FROM outbox") for service in SERVICES)


@pytest.fixture(scope="module", params=["http_outbox", "rabbitmq"])
def tickets(
    request: pytest.FixtureRequest, generate: Generate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tickets]:
    with ExitStack() as stack:
        settings: dict[str, str] = {}
        if request.param in KINDS:
            server = serving(request.param, tmp_path_factory.mktemp("broker") / "server")
            settings = stack.enter_context(server).settings
        path = generate(on_free_ports(TICKETS | {"delivery": request.param}))
        (path / ".env").write_text((path / ".env.example").read_text(encoding="utf-8"), encoding="utf-8")
        (path / "services" / "bank" / "selling_payment.py").write_text(RULES, encoding="utf-8")
        run(path, "migrate")
        tickets = Tickets(path, tmp_path_factory.mktemp("logs"), settings, stack)
        for service in SERVICES:
            tickets.start(service)
        yield tickets


def test_a_sale_is_done_or_refused_with_a_reason(tickets: Tickets) -> None:
    good, bad = tickets.sell(1), tickets.sell(REFUSED)
    eventually(lambda: tickets.standing(good)["state"] == "done")
    eventually(lambda: tickets.standing(bad)["state"] == "undone")
    assert (tickets.standing(bad)["reason"], tickets.standing(bad)["step"]) == ("not this one", None)
    tickets.agree()


def test_a_step_whose_service_dies_of_it_is_done_when_it_is_back(tickets: Tickets) -> None:
    sale = tickets.sell(DYING)
    eventually(lambda: not tickets.caller.answers("bank"))
    tickets.start("bank")
    eventually(lambda: tickets.standing(sale)["state"] in ("done", "undone"), within=90)
    tickets.agree()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_killed_under_load_leaves_nothing_half_done(tickets: Tickets, service: str) -> None:
    before = len(tickets.states())
    seats = [REFUSED if number % 3 == 0 else number for number in range(100, 130)]
    accepted = 0
    with ThreadPoolExecutor(4) as clients:
        for round in range(3):
            sold = [clients.submit(tickets.sell, seat) for seat in seats[round::3]]
            time.sleep(0.15 * (round + 1))  # each round is killed in other transitions
            tickets.restart(service)
            accepted += sum(bool(sale.result()) for sale in sold)
    ended = tickets.agree()
    assert ended.total() >= before + accepted > before
    assert min(ended["done"], ended["undone"]) > 0


def test_a_step_that_is_away_too_long_has_the_others_undone(tickets: Tickets) -> None:
    tickets.processes["bank"].kill()
    sale = tickets.sell(2)
    eventually(lambda: tickets.standing(sale)["state"] == "undoing", within=60)
    tickets.start("bank")
    tickets.agree()
    assert tickets.standing(sale)["state"] == "undone"
