"""Each broker that events may go through: its projects are in order, and what breaks loses and repeats nothing."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import httpx2
import pytest

from brokers import KINDS, Server, serving
from copies import Generate, Reanswer
from groundplan import catalogue
from live import Caller, Running, eventually, running
from projects import REPOSITORY, answers, check_whole, environment, model, run
from samples import sampled
from test_services_live import on_free_ports

OUTLET: dict[str, object] = {
    "project_name": "Outlet",
    "concept": "Sells what is left, and packs it.",
    "services": [
        {"name": "stock", "responsibility": "knows what there is"},
        {
            "name": "sales",
            "responsibility": "takes orders",
            "publishes": ["sale.made on create Sale"],
            "subscribes": ["keep Item"],
        },
        {
            "name": "depot",
            "responsibility": "packs",
            "subscribes": ["keep Item", "on sale.made: create Parcel(label: label, item: item)"],
        },
    ],
    "data_entities": [
        "stock.Item(name: str)",
        "sales.Sale(label: str, item: Item)",
        "depot.Parcel(label: str, item: Item)",
    ],
}
"""Two services keep a copy of what a third has; one of them reacts to what the other tells, and refers to the copy."""

SEND = """
import asyncio, json, sys
from services.common.messaging.broker import connect
from services.common.config import PROJECT, load_settings

async def send() -> None:
    async with connect(load_settings(), PROJECT) as broker:
        for event in json.load(sys.stdin):
            await broker.publish([event])

asyncio.run(send())
"""
"""Publishes events as a service that has lost its memory, or its order, would."""


def test_every_option_with_a_broker_is_tried() -> None:
    (delivery,) = (
        it for it in catalogue.load(REPOSITORY / "decisions").decisions if it.offered_with("delivers_events")
    )
    assert {it.name for it in delivery.offered_with("broker")} == set(KINDS)


@pytest.fixture(scope="module", params=sampled([*KINDS], 2))
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(request.param, tmp_path_factory.mktemp("broker") / "server") as server:
        yield server


def test_a_project_is_in_order(server: Server, generate: Generate) -> None:
    """It is formatted, typed and tested; with the broker there, no test of it is skipped."""
    project = generate(answers(REPOSITORY / "examples" / "bookshop.yml") | {"delivery": server.kind.option})
    check_whole(project, env=environment(**server.settings))


def test_a_project_whose_broker_is_away_is_tested_without_it(server: Server, generate: Generate) -> None:
    project = generate(OUTLET | {"delivery": server.kind.option})
    away = {server.kind.setting: server.kind.url.format(port=9)}
    printed = run(project, "pytest", "-q", "-rs", env=environment(**away))
    assert f"nothing answers at {server.kind.setting}" in printed


class Outlet:
    """The running product, and what can be counted of it."""

    def __init__(self, path: Path, server: Server, logs: Path, stack: ExitStack) -> None:
        self.path = path
        self.server = server
        self.caller = stack.enter_context(Caller(model(path)))
        self.processes: dict[str, Running] = {}
        self._logs = logs
        self._stack = stack

    def start(self, service: str) -> None:
        log = self._logs / service
        self.processes[service] = self._stack.enter_context(
            running(self.path, log, "serve", service, **self.server.settings)
        )
        eventually(lambda: self.caller.answers(service))

    def restart(self, service: str) -> None:
        """Kill a service where it stands, and start it again."""
        self.processes[service].kill()
        self.start(service)

    def item(self) -> str:
        """An item that both who keep a copy know of."""
        item = self.caller.product.entities["Item"]
        id = str(self.caller.call(item, "POST", json={"name": "a lamp"}).raise_for_status().json()["id"])
        for service in ("sales", "depot"):
            eventually(lambda name=service: id in self.copies(name), within=60)  # type: ignore[misc]
        return id

    def sell(self, label: str, item: str) -> bool:
        """Whether a sale was accepted; one whose service is unavailable or was killed meanwhile was not."""
        sale = self.caller.product.entities["Sale"]
        try:
            return self.caller.call(sale, "POST", json={"label": label, "item": item}).status_code == 201
        except httpx2.TransportError:
            return False

    def send(self, *events: dict[str, object]) -> None:
        """Give events to the broker, past any outbox."""
        env = environment(SERVICE_KEY="key", **self.server.settings)
        (self.path / "events.json").write_text(json.dumps(events))
        run(self.path, "sh", "-c", 'python -c "$0" < events.json', SEND, env=env)

    def rows(self, service: str, query: str) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(self.path / "var" / f"{service}.db", timeout=10)) as database:
            return database.execute(query).fetchall()

    def copies(self, service: str) -> dict[str, int]:
        """The versions of a service's read copies."""
        found = self.rows(service, "SELECT id, version FROM read_copies")
        return {f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}": int(version) for id, version in found}

    def parcels(self, prefix: str) -> Counter[str]:
        """How often each label was packed."""
        found = self.rows("depot", f"SELECT label FROM parcels WHERE label LIKE '{prefix}%'")
        return Counter(label for (label,) in found)

    def packs(self, prefix: str, accepted: list[str]) -> None:
        """See every accepted sale packed once: none is missing, and none is packed twice, now or a little later."""
        try:
            eventually(lambda: set(accepted) <= set(self.parcels(prefix)), within=90)
        except AssertionError:
            missing = set(accepted) - set(self.parcels(prefix))
            raise AssertionError(
                f"{len(missing)} of {len(accepted)} are missing\n{self.processes['depot'].output[-3000:]}"
            ) from None
        time.sleep(1)
        assert set(self.parcels(prefix).values()) == {1}


def deployed(generate: Generate, delivery: str) -> Path:
    """The product with its databases, ready to be started."""
    given = OUTLET | {"delivery": delivery, "storage_kind": "sqlite", "architecture_style": "services"}
    path = generate(on_free_ports(given))
    (path / ".env").write_text((path / ".env.example").read_text(encoding="utf-8"), encoding="utf-8")
    run(path, "migrate")
    return path


@pytest.fixture(scope="module")
def outlet(server: Server, generate: Generate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outlet]:
    path = deployed(generate, server.kind.option)
    with ExitStack() as stack:
        outlet = Outlet(path, server, tmp_path_factory.mktemp("logs"), stack)
        for service in ("stock", "sales", "depot"):
            outlet.start(service)
        yield outlet


def event(type: str, subject: int, sequence: int = 1, **data: object) -> dict[str, object]:
    """An envelope; the same type, subject and sequence make the same event."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{type} {subject} {sequence}")),
        "source": "/tests",
        "type": type,
        "subject": f"{subject:08d}-0000-7000-8000-000000000000",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "sequence": sequence,
        "datacontenttype": "application/json",
        "data": data,
    }


def test_a_publisher_that_is_killed_loses_nothing(outlet: Outlet) -> None:
    """Its events wait in its outbox, whether it ended right after the commit or while the broker was unavailable."""
    item, accepted = outlet.item(), []
    for round in range(3):
        labels = [f"killed {round} {number}" for number in range(10)]
        with ThreadPoolExecutor(4) as clients:
            sold = list(clients.map(lambda label: outlet.sell(label, item), labels))
        outlet.restart("sales")
        accepted += [label for label, was in zip(labels, sold, strict=True) if was]
    outlet.server.kill()
    labels = [f"killed away {number}" for number in range(10)]
    accepted += [label for label in labels if outlet.sell(label, item)]
    outlet.processes["sales"].kill()
    assert len(accepted) == 40
    assert not set(labels) & set(outlet.parcels("killed"))
    outlet.server.start()
    outlet.start("sales")
    outlet.packs("killed", accepted)


def test_a_subscriber_that_is_killed_misses_nothing(outlet: Outlet) -> None:
    """It is killed again and again while it handles what came."""
    item, accepted = outlet.item(), []
    for round in range(3):
        labels = [f"missed {round} {number}" for number in range(40)]
        with ThreadPoolExecutor(4) as clients:
            sold = clients.map(lambda label: outlet.sell(label, item), labels)
            eventually(lambda start=f"missed {round}": bool(outlet.parcels(start)))  # type: ignore[misc]
            outlet.restart("depot")
        accepted += [label for label, was in zip(labels, sold, strict=True) if was]
    assert len(accepted) == 120
    outlet.packs("missed", accepted)


def test_a_broker_that_is_killed_under_load_loses_nothing(outlet: Outlet) -> None:
    """Sales go on meanwhile, and services answer; it is back with all that it had confirmed."""
    item = outlet.item()
    labels = [f"load {number}" for number in range(200)]

    def sell(label: str) -> bool:
        time.sleep(0.05)
        return outlet.sell(label, item)

    with ThreadPoolExecutor(4) as clients:
        sales = clients.map(sell, labels)
        for _ in range(2):
            time.sleep(0.5)
            outlet.server.kill()
            assert outlet.caller.answers("depot")
            outlet.server.start()
        sold = list(sales)
    assert all(sold)
    outlet.packs("load", labels)


def test_doubled_and_disordered_events_change_nothing(outlet: Outlet) -> None:
    """Whatever the order, a copy ends up at its last version, and a sale is packed once: when its item is known."""
    known = {number: str(event("item.saved", number)["subject"]) for number in range(5)}
    sales = [event("sale.made", number, label=f"early {number}", item=known[number]) for number in known]
    items = [event("item.saved", number, version, name="a lamp") for number in known for version in (3, 1, 2)]
    outlet.send(*sales, *sales)
    time.sleep(1)
    assert not outlet.parcels("early")
    outlet.send(*items, *reversed(items))
    outlet.packs("early", [f"early {number}" for number in known])
    for service in ("sales", "depot"):
        copies = outlet.copies(service)
        assert [copies[id] for id in known.values()] == [3] * 5


def test_what_cannot_be_handled_keeps_nobody(outlet: Outlet) -> None:
    """An event that breaks its contract is rejected with an error in the log; those behind it are handled."""
    item = outlet.item()
    outlet.send(event("sale.made", 77, label={"not": "text"}, item=item))
    assert outlet.sell("behind", item)
    outlet.packs("behind", ["behind"])
    eventually(lambda: "event_rejected" in outlet.processes["depot"].output)


@pytest.fixture(params=sampled([*KINDS], 1))
def own_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A broker that no other project listens to."""
    with serving(request.param, tmp_path / "server") as server:
        yield server


def test_what_waits_is_delivered_the_other_way_once_that_is_decided(
    own_server: Server, generate: Generate, reanswer: Reanswer, tmp_path: Path
) -> None:
    """Events that could not leave with one delivery leave with the next: to the broker, and away from it."""
    server, path = own_server, deployed(generate, "http_outbox")
    with ExitStack() as stack:
        outlet = Outlet(path, server, tmp_path, stack)
        outlet.start("stock")
        outlet.start("sales")
        item = str(outlet.caller.call(outlet.caller.product.entities["Item"], "POST", json={"name": "a"}).json()["id"])
        eventually(lambda: item in outlet.copies("sales"))
        assert all(outlet.sell(f"before {number}", item) for number in range(5))

    reanswer(path, delivery=server.kind.option)
    run(path, "migrate")
    with ExitStack() as stack:
        outlet = Outlet(path, server, tmp_path, stack)
        for service in ("stock", "sales", "depot"):
            outlet.start(service)
        outlet.packs("before", [f"before {number}" for number in range(5)])
        server.kill()
        assert all(outlet.sell(f"after {number}", item) for number in range(5))

    reanswer(path, delivery="http_outbox")
    run(path, "migrate")
    with ExitStack() as stack:
        outlet = Outlet(path, server, tmp_path, stack)
        for service in ("stock", "sales", "depot"):
            outlet.start(service)
        outlet.packs("after", [f"after {number}" for number in range(5)])
        assert set(outlet.parcels("before").values()) == {1}
