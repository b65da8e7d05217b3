"""Generated services started for real, lifespan and all, and spoken to over sockets."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from copies import Generate
from groundplan.project import Project
from live import SERVICE_KEY, Caller, Ids, Running, draft, eventually, in_order, running
from projects import REPOSITORY, answers, free_port_base, model, need_postgres, run

SETUPS = {
    "bookshop-sqlite": ("bookshop", {"storage_kind": "sqlite"}),
    "bookshop-postgres": ("bookshop", {"storage_kind": "postgres"}),
    "bookshop-monolith": ("bookshop", {"architecture_style": "modular_monolith"}),
    "clinic": ("clinic", {}),
    "parcels": ("parcels", {}),
}
"""The examples as they are answered, and the first one with each real decision the other way."""


EXPECTED = """
[checks.missing_required_header]
expected-statuses = ["400", "401", "422", "428"]  # RFC 6585: 428 where If-Match is missing

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "404", "409", "412", "503"]  # RFC 9110: 412 where somebody else was first

[[operations]]
include-method = "POST"

[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "409", "422", "503"]  # 422 where another body had the same Idempotency-Key

[[operations]]
include-method = "PATCH"

[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "404", "409", "412", "422", "503"]  # 422: the record lacks what a patch leaves out
"""
"""What schemathesis cannot know: its configuration."""


def on_free_ports(given: dict[str, object]) -> dict[str, object]:
    """The answers, with every port where nothing listens: the page's is the one before `port_base`."""
    services = given["services"]
    assert isinstance(services, list)
    moved = [{k: v for k, v in service.items() if k != "port"} for service in services]
    return given | {"services": moved, "port_base": free_port_base(len(services))}


@dataclass(frozen=True)
class Site:
    """A generated project, and where its databases are."""

    path: Path
    project: Project
    databases: dict[str, str]
    """The settings that point at databases of this site alone."""

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.project.port_base - 1}"


def make_site(generate: Generate, given: dict[str, object]) -> Site:
    path = generate(on_free_ports(given))
    project = model(path)
    mark = uuid.uuid4().hex[:8]
    databases = {
        variable.name: f"{variable.default}_{mark}"
        for variable in project.environment
        if variable.default.startswith("postgresql")
    }
    if databases:
        need_postgres()
    return Site(path, project, databases)


def drop_databases(site: Site) -> None:
    """Leave no database behind."""
    script = (
        "import asyncio, asyncpg, sys\n"
        "async def drop():\n"
        "    for url in sys.argv[1:]:\n"
        "        server, _, name = url.replace('+asyncpg', '').rpartition('/')\n"
        "        connection = await asyncpg.connect(server + '/postgres')\n"
        "        await connection.execute(f'DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)')\n"
        "        await connection.close()\n"
        "asyncio.run(drop())\n"
    )
    run(site.path, "python", "-c", script, *site.databases.values())


@pytest.fixture(scope="session", params=SETUPS)
def site(request: pytest.FixtureRequest, generate: Generate) -> Iterator[Site]:
    """The project of each setup."""
    example, changes = SETUPS[request.param]
    made = make_site(generate, answers(REPOSITORY / "examples" / f"{example}.yml") | changes)
    yield made
    if made.databases:
        drop_databases(made)


@pytest.fixture(scope="session")
def caller(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Somebody who speaks to what `uv run dev` has started."""
    log = tmp_path_factory.mktemp("dev") / "log"
    with running(site.path, log, "dev", **site.databases) as dev, Caller(site.project) as caller:
        try:
            caller.wait()
        except AssertionError as late:
            raise AssertionError(f"{late}\n{dev.output}") from None
        yield caller


class TestEachSetup:
    """What `uv run dev` starts answers as its documentation says."""

    def test_page_lists_services(self, site: Site, caller: Caller) -> None:
        page = httpx2.get(site.page).raise_for_status().text
        for service in site.project.product.services:
            address = site.project.url(service.name)
            assert f"{address}/docs" in page
            assert "swagger" in httpx2.get(f"{address}/docs").raise_for_status().text
        assert "unavailable" not in page.rpartition("</style>")[2]

    def test_every_endpoint_once(self, caller: Caller) -> None:
        """Each record is created, listed, read, replaced, patched and deleted, and each conflict is refused."""
        ids = create_all(caller)
        for entity in in_order(caller.product):
            id = ids[entity.name]
            again = draft(caller.product, entity.sent, ids)
            assert caller.find(entity, id=id)
            read = caller.call(entity, "GET", id)
            assert (read.status_code, read.headers["ETag"]) == (200, '"1"')
            assert caller.call(entity, "PUT", id, json=again).status_code == 428
            current = {"If-Match": read.headers["ETag"]}
            replaced = caller.call(entity, "PUT", id, json=again, headers=current)
            assert (replaced.status_code, replaced.headers["ETag"]) == (200, '"2"'), replaced.text
            assert caller.call(entity, "PUT", id, json=again, headers=current).status_code == 412
            current = {"If-Match": replaced.headers["ETag"]}
            patched = caller.call(entity, "PATCH", id, json=again, headers=current)
            assert (patched.status_code, patched.headers["ETag"]) == (200, '"3"'), patched.text
            assert caller.call(entity, "DELETE", id, headers=current).status_code == 412
        for entity in reversed(in_order(caller.product)):
            id = ids[entity.name]
            assert caller.call(entity, "DELETE", id, headers={"If-Match": '"3"'}).status_code == 204
            assert caller.call(entity, "GET", id).status_code == 404
        assert caller.spoken == caller.operations()

    def test_callers_without_a_key_are_refused(self, caller: Caller) -> None:
        for entity in caller.product.entities.values():
            url = f"{caller.project.url(entity.service)}{entity.path}"
            refused = httpx2.get(url)
            assert refused.status_code == 401
            assert refused.headers["Content-Type"] == "application/problem+json"

    def test_reference_to_nothing_is_refused(self, caller: Caller) -> None:
        """What is checked with its owner must exist there, whichever service and database that is."""
        ids = create_all(caller)
        for entity in in_order(caller.product):
            for field in entity.sent:
                if field.type.kind == "reference" and not field.type.many:
                    wrong = draft(caller.product, entity.sent, ids) | {field.name: str(uuid.uuid4())}
                    answer = caller.call(entity, "POST", json=wrong)
                    assert answer.status_code == 409, answer.text
                    assert field.name in answer.json()["detail"]

    def test_reactions_follow_events(self, caller: Caller) -> None:
        """What one service stores, another hears of: across processes, through outbox and inbox."""
        ids = create_all(caller)
        for service in caller.product.services:
            for reaction in service.reactions:
                event = caller.product.events[reaction.event]
                created = caller.product.entities[reaction.creates]
                about = {field: ids[event.entity] for field, source in reaction.mapping if source.field == "id"}
                fixed = {field: source.literal for field, source in reaction.mapping if not source.field}
                if "create" in event.operations:
                    eventually(lambda e=created, v=about | fixed: len(caller.find(e, **v)) == 1)  # type: ignore[misc]

    def test_a_generated_client_is_understood(self, caller: Caller, tmp_path: Path) -> None:
        """A client that another tool makes of a service's description creates, reads and lists each entity."""
        ids = create_all(caller)
        (tmp_path / "config.yml").write_text("post_hooks: []")  # which would format what it makes
        for service in caller.product.services:
            url = caller.project.url(service.name)
            (tmp_path / "openapi.json").write_bytes(caller.http.get(f"{url}/openapi.json").content)
            made = tmp_path / service.name
            generator = Path(sys.executable).parent / "openapi-python-client"
            wanted = [
                "generate",
                "--fail-on-warning",
                "--config=config.yml",
                "--path=openapi.json",
                f"--output-path={made}",
            ]
            generated = subprocess.run([generator, *wanted], cwd=tmp_path, capture_output=True, text=True)
            assert generated.returncode == 0, generated.stdout + generated.stderr
            entities = [
                {
                    "name": it.name,
                    "operations": [f"create_{it.snake}", f"get_{it.snake}", f"list_{it.table}"],
                    "draft": draft(caller.product, it.sent, ids),
                    "headers": {"X-API-Key": SERVICE_KEY},
                }
                for it in service.entities
            ]
            speak = [sys.executable, str(Path(__file__).with_name("client.py")), str(made), url]
            spoken = subprocess.run(speak, input=json.dumps(entities), capture_output=True, text=True)
            assert spoken.returncode == 0, spoken.stderr
            assert len(json.loads(spoken.stdout)) == len(service.entities)

    def test_schemathesis_finds_no_failure(self, caller: Caller, tmp_path: Path) -> None:
        """Whatever a request holds, the answer is one that the service describes."""
        config = tmp_path / "schemathesis.toml"
        config.write_text(EXPECTED, encoding="utf-8")
        for service in caller.product.services:
            result = subprocess.run(
                [
                    Path(sys.executable).parent / "schemathesis",
                    f"--config-file={config}",
                    "run",
                    f"{caller.project.url(service.name)}/openapi.json",
                    f"--header=X-API-Key: {SERVICE_KEY}",
                    "--max-examples=15",
                    "--seed=1",
                    "--no-color",
                ],
                cwd=tmp_path,
                capture_output=True,
                text=True,
            )
            assert result.returncode == 0, result.stdout[-10_000:] + result.stderr


def create_all(caller: Caller) -> Ids:
    """Create a record of every entity; one whose read copy is on its way is tried until it has come."""
    ids: Ids = {}
    for entity in in_order(caller.product):
        body = draft(caller.product, entity.sent, ids)

        def stored(entity=entity, body=body) -> bool:  # type: ignore[no-untyped-def]
            answer = caller.call(entity, "POST", json=body)
            assert answer.status_code in (201, 409), answer.text
            if answer.status_code == 201:
                ids[entity.name] = answer.json()["id"]
                where = httpx2.URL(answer.headers["Location"])
                assert where.path.endswith(f"{entity.path}/{ids[entity.name]}")
            return answer.status_code == 201

        eventually(stored, within=10)
    return ids


def with_settings(site: Site) -> Site:
    """The site with settings as the example gives them."""
    (site.path / ".env").write_text((site.path / ".env.example").read_text(encoding="utf-8"), encoding="utf-8")
    return site


@pytest.fixture(scope="class")
def migrated(generate: Generate) -> Site:
    """A bookshop, migrated and not started."""
    made = with_settings(make_site(generate, answers(REPOSITORY / "examples" / "bookshop.yml")))
    run(made.path, "migrate")
    return made


@pytest.fixture
def shop(migrated: Site) -> Site:
    """The same, whatever another test did to its settings."""
    return with_settings(migrated)


class TestFailures:
    """Processes die, ports are taken, people press Ctrl-C."""

    def test_consumer_killed_and_restarted_misses_nothing(self, shop: Site, tmp_path: Path) -> None:
        """Neither do events of a publisher that is killed with them in its outbox."""
        with ExitStack() as stack, Caller(shop.project) as caller:

            def start(service: str) -> Running:
                started = stack.enter_context(running(shop.path, tmp_path / service, "serve", service))
                eventually(lambda: caller.answers(service))
                return started

            processes = {service.name: start(service.name) for service in shop.project.product.services}
            order, notification = caller.product.entities["Order"], caller.product.entities["Notification"]
            ids = create_all(caller)

            def place() -> str:
                answer = caller.call(order, "POST", json=draft(caller.product, order.sent, ids))
                return str(answer.raise_for_status().json()["id"])

            placed = [place()]
            processes["notifications"].kill()
            placed += [place(), place()]
            processes["orders"].kill()
            start("notifications")
            start("orders")
            placed += [place()]
            for id in placed:
                eventually(lambda id=id: len(caller.find(notification, order=id)) == 1)  # type: ignore[misc]

    def test_taken_port_is_named(self, shop: Site, tmp_path: Path) -> None:
        """Nothing is started, and the message says which port of which service is taken, and what to do."""
        port = shop.project.product.by_name["orders"].port
        with socket.create_server(("127.0.0.1", port)), running(shop.path, tmp_path / "log", "dev") as dev:
            assert dev.process.wait(timeout=30) == 1
        assert f"Port {port} of orders is taken" in dev.output
        assert "port_base" in dev.output
        assert "Traceback" not in dev.output

    def test_ctrl_c_stops_everything(self, shop: Site, tmp_path: Path) -> None:
        """No process stays behind on a port, and no traceback hides what was printed before."""
        with running(shop.path, tmp_path / "log", "dev") as dev, Caller(shop.project) as caller:
            caller.wait()
            dev.press_ctrl_c()
            assert "Traceback" not in dev.output
            assert not any(caller.answers(service.name) for service in caller.product.services)
        ports = [shop.project.port_base - 1, *(process.port for process in shop.project.processes)]
        for port in ports:
            with socket.create_server(("127.0.0.1", port)):
                pass

    def test_missing_settings_are_named(self, shop: Site, tmp_path: Path) -> None:
        (shop.path / ".env").unlink()
        with running(shop.path, tmp_path / "log", "serve", "orders", API_KEYS="no JSON") as serve:
            assert serve.process.wait(timeout=30) != 0
        assert "api_keys" in serve.output.lower()
        assert "Traceback" not in serve.output
