"""Rows come along when a project keeps them elsewhere: all of them as they were, or none."""

from __future__ import annotations

import json
import secrets
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from copies import Generate, Reanswer
from live import SERVICE_KEY, Caller, draft, eventually, running, started
from projects import ASYNCPG, REPOSITORY, SERVER, UV, answers, drop, environment, model, need_postgres, run
from test_decide import plan
from test_services_live import on_free_ports
from test_updates import SHOP

PACKAGES = {"sqlite": "aiosqlite==0.22.1", "postgres": ASYNCPG, "schema": ASYNCPG}
KEPT = {
    "sqlite": {"storage_kind": "sqlite", "data_ownership": "database_per_service"},
    "postgres": {"storage_kind": "postgres", "data_ownership": "database_per_service"},
    "schema": {"storage_kind": "postgres", "data_ownership": "schema_per_service"},
}
"""The answers that keep rows in a kind of place."""

KINDS = (
    "shop.Thing(one: str, text: text, number: int, share: float, good: bool, cost: money, day: date, at: datetime, "
    "by: email, page: url, code: uuid, kind: new|used, tags: list[str], parts: list[Part]?, maybe: datetime?)"
)
EVERY_KIND = {
    "project_name": "Every kind",
    "concept": "Keeps things of every kind.",
    "services": ["shop: keeps things"],
    "architecture_style": "services",
    "storage_kind": "sqlite",
    "communication": "http_and_events",
    "data_entities": ["value Part(of: uuid, cost: money)", KINDS, "shop.Passing(at: datetime, note: str?)"],
}
PASSED = {"data_entities": ["shop.Thing(one: str, kind: new|used, tags: list[str], parts: list[uuid]?)"]}
"""What is left of it: a table and columns of every kind are out of use, and keep their values."""

FILL = """
import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID
import sqlalchemy as sa
from services.common.messaging import inbox
from services.common.messaging.outbox import outbox
from services.common.config import load_settings
from services.common.db.stored_responses import stored_response
from services.common.db.database import Database
from services.common.messaging.unhandled import unhandled_events
from services.common.utils import new_id, now
from services.shop import tables

READ_COPIES = sa.table(
    "read_copies",
    sa.column("entity"),
    sa.column("id", sa.Uuid),
    sa.column("version"),
    sa.column("removed"),
    sa.column("data", sa.JSON),
)

def record(**fields):
    return {"id": new_id(), "version": 7, "created_at": now(), "updated_at": now(), **fields}

async def main():
    database = Database(load_settings().database_url("shop"))
    thing = record(
        one="it's \\"so\\" \\u65e5\\u672c", text="a\\nb", number=-2**31, share=1e300, good=True,
        cost=Decimal("-999999999999.99"), day=date(1, 1, 1), at=datetime(2026, 3, 1, 7, 30, 0, 123456, UTC),
        by="a@b.example", page="https://a.example/", code=UUID(int=5), kind="used", tags=["null", ""],
        parts=[{"of": str(UUID(int=6)), "cost": "0.10"}], maybe=None,
    )
    event = {"id": 1, "data": {"none": None, "cost": "0.10", "share": 0.1, "text": "\\u65e5\\x7f"}}
    waiting = [
        {"subscriber": f"{number % 3}", "event": event | {"id": number}, "due_at": now(), "rejected": None}
        for number in range(2_500)
    ]
    async with database.write() as connection:
        await connection.execute(sa.insert(tables.things).values(thing))
        other = thing | {"id": new_id(), "parts": None, "maybe": now()}
        await connection.execute(sa.insert(tables.things).values(other))
        await connection.execute(sa.insert(tables.passings).values(record(at=now(), note=None)))
        await connection.execute(sa.insert(outbox), waiting)
        answer = record(fingerprint="ab", status=201, headers={"ETag": '"1"'}, body="{}", expires_at=now())
        await connection.execute(sa.insert(stored_response).values(answer))
        failed = {"event_id": new_id(), "subject": new_id(), "event": event, "due_at": now(), "tries": 2}
        failed |= {"reason": "it is wrong", "rejected": True}
        await connection.execute(sa.insert(unhandled_events).values(failed))
        await inbox.add(connection, new_id())
        copy = {"entity": "Book", "id": new_id(), "version": 3, "removed": True, "data": {"title": "One"}}
        await connection.execute(sa.insert(READ_COPIES).values(copy))
    await database.close()

asyncio.run(main())
"""
"""Rows of every kind in every table, more of them than are copied at once."""

NEXT = """
import asyncio
import sqlalchemy as sa
from services.common.config import load_settings
from services.common.messaging.outbox import outbox
from services.common.db.database import Database
from services.common.utils import now

async def main():
    database = Database(load_settings().database_url("shop"))
    async with database.engine.connect() as connection:
        row = {"subscriber": "new", "event": {}, "due_at": now()}
        print((await connection.execute(sa.insert(outbox).values(row))).inserted_primary_key.position)
    await database.close()

asyncio.run(main())
"""
"""The position that the next event would have; it is not kept."""

HANGING = """
import asyncio
from scripts import migrate

copy = migrate.copy_table

async def hanging(table, source, target):
    await copy(table, source, target)
    if table.name == "things":
        print("half of it is there", flush=True)
        await asyncio.sleep(600)

migrate.copy_table = hanging
migrate.main()
"""
"""The command, which stops after the rows of one table."""

COUNT = """
import asyncio, json
from scripts import migrate
from services.common.config import load_settings
from services.common.db.database import Database
from scripts.processes import service_names

async def main():
    counts = {}
    for service in service_names():
        database = Database(load_settings().database_url(service))
        async with database.read() as connection:
            counts[service] = await migrate.count(connection, await migrate.reflect(connection))
        await database.close()
    print(json.dumps(counts))

asyncio.run(main())
"""


@dataclass(frozen=True)
class Place:
    """Where the services of a project keep their rows."""

    storage: str
    pattern: str

    def settings(self, path: Path) -> dict[str, str]:
        """The settings with which a project keeps them there."""
        services = [it.name for it in model(path).product.services]
        urls = {f"{it.upper()}_DATABASE_URL": self.pattern.replace("{service}", it) for it in services}
        admin = {"DATABASE_ADMIN_URL": f"{SERVER}/postgres"} if self.storage != "sqlite" else {}
        return {"API_KEYS": '{"a": "b"}', **urls, **admin}

    def env(self, path: Path) -> dict[str, str]:
        """The environment for a command that is to find them there."""
        return environment(SERVICE_KEY=SERVICE_KEY, **self.settings(path))


Places = Callable[[str], Place]


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    """Give places of one's own in a kind of database; no database is left on a server."""
    start = f"rows_{secrets.token_hex(4)}_"
    used = []

    def make(storage: str) -> Place:
        used.append(storage)
        if storage == "sqlite":
            return Place(storage, f"sqlite+aiosqlite:///{tmp_path}/{len(used)}/{{service}}.db")
        need_postgres()
        own = f"{start}{len(used)}"
        if storage == "schema":
            server = SERVER.replace("postgres:postgres", f"{own}_{{service}}:development")
            return Place(storage, f"{server}/{own}")
        return Place(storage, f"{SERVER}/{own}_{{service}}")

    yield make
    if set(used) - {"sqlite"}:
        drop(tmp_path, start)


def file(it: Place, service: str) -> Path:
    return Path(it.pattern.partition(":///")[2].replace("{service}", service))


def move(path: Path, old: Place, new: Place, *services: str) -> str:
    """Bring the rows along as operations.md tells it."""
    command = ("--with", PACKAGES[old.storage], "migrate", "--rows-from", old.pattern, *services)
    return run(path, *command, env=new.env(path))


def refusal(path: Path, new: Place, *arguments: str, package: str = "sqlite") -> str:
    """The message about rows that cannot be moved."""
    command = [UV, "run", "--quiet", "--with", PACKAGES[package], "migrate", *arguments]
    result = subprocess.run(command, cwd=path, env=new.env(path), capture_output=True, text=True)
    assert result.returncode == 1, result.stdout
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def counts(path: Path, it: Place) -> dict[str, dict[str, int]]:
    """The rows of each table of each service."""
    counted: dict[str, dict[str, int]] = json.loads(run(path, "python", "-c", COUNT, env=it.env(path)))
    return counted


def dump(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that a database file holds, as it holds it."""
    with closing(sqlite3.connect(file)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall() for name in tables}


@pytest.mark.parametrize(("old", "new"), [("sqlite", "postgres"), ("postgres", "schema"), ("schema", "sqlite")])
def test_records_and_waiting_events_come_along(
    old: str, new: str, generate: Generate, reanswer: Reanswer, places: Places, tmp_path: Path
) -> None:
    """As the services see it: the same ids, versions and values, and what was to be delivered is."""
    path = generate(on_free_ports(answers(REPOSITORY / "examples" / "bookshop.yml")) | KEPT[old])
    project, before, after, log = model(path), places(old), places(new), tmp_path / "log"
    book, order, notification = (project.product.entities[it] for it in ("Book", "Order", "Notification"))
    run(path, "migrate", env=before.env(path))
    with (
        running(path, log, "serve", "catalog", **before.settings(path)),
        running(path, log, "serve", "orders", **before.settings(path)),
        Caller(project) as caller,
    ):
        eventually(lambda: caller.answers("catalog") and caller.answers("orders"))
        given = draft(project.product, book.fields, {})
        id = caller.call(book, "POST", json=given).raise_for_status().json()["id"]
        changed = given | {"price": "0.05"}
        caller.call(book, "PUT", id, json=changed, headers={"If-Match": '"1"'}).raise_for_status()
        ordered = draft(project.product, order.fields, {"Book": id})
        kept, gone = (caller.call(order, "POST", json=ordered).raise_for_status().json()["id"] for _ in range(2))
        caller.call(order, "DELETE", gone, headers={"If-Match": '"1"'}).raise_for_status()
        had = [caller.find(it) for it in (book, order)]
    reanswer(path, **KEPT[new])
    printed = move(path, before, after)
    assert "catalog: books 1, inbox 0, outbox 0, read_copies 0, stored_response 0, unhandled_events 0\n" in printed
    assert "orders: inbox 0, orders 1, outbox 3, read_copies 0, stored_response 0, unhandled_events 0\n" in printed
    with running(path, log, "dev", **after.settings(path)), Caller(project) as caller:
        caller.wait()
        assert [caller.find(it) for it in (book, order)] == had
        assert caller.call(book, "GET", id).headers["ETag"] == '"2"'
        again = caller.call(book, "PUT", id, json=given, headers={"If-Match": '"2"'})
        assert again.raise_for_status().json()["version"] == 3
        eventually(lambda: len(caller.find(notification)) == 3)
        assert sorted(str(it["order"]) for it in caller.find(notification)) == sorted([kept, gone, gone])


OWN = '''"""Bookmarks: a table that no answer makes."""

import sqlalchemy as sa
from alembic import op

from services.common.db import columns

revision = "own_0001"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "bookmarks",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("thing", sa.Uuid, sa.ForeignKey("things.id"), nullable=False),
        sa.Column("at", columns.InstantColumn, nullable=False),
        sa.Column("page", sa.Integer, nullable=False),
        sa.Column("twice", sa.Integer, sa.Computed("page * 2", persisted=True)),
    )
    op.create_index("bookmarks_by_words", "bookmarks", [sa.text("abs(page)")])
'''
COUNTED = '''"""A table whose key counts up, and one that names it."""

import sqlalchemy as sa
from alembic import op

revision = "own_0002"
down_revision = "own_0001"


def upgrade() -> None:
    op.create_table("pages", sa.Column("number", sa.Integer, primary_key=True))
    op.create_table("lines", sa.Column("page", sa.Integer, sa.ForeignKey("pages.number")))
'''


def test_tables_of_ones_own_come_along(generate: Generate, reanswer: Reanswer, places: Places) -> None:
    """But for keys that count up and are named elsewhere."""
    path = generate(EVERY_KIND)
    migrations = path / "services" / "shop" / "migrations"
    (migrations / "own_0001_bookmarks.py").write_text(OWN, "utf-8")
    first, second, third = map(places, ("sqlite", "postgres", "sqlite"))
    run(path, "migrate", env=first.env(path))
    run(path, "python", "-c", FILL, env=first.env(path))
    with closing(sqlite3.connect(file(first, "shop"))) as rows:
        (thing,) = rows.execute("SELECT id FROM things").fetchone()
        bookmark = ("0" * 32, thing, "2026-03-01 07:30:00.000000", 7)
        rows.execute("INSERT INTO bookmarks (id, thing, at, page) VALUES (?, ?, ?, ?)", bookmark)
        rows.commit()
    had = dump(file(first, "shop"))
    reanswer(path, **KEPT["postgres"])
    assert "bookmarks 1" in move(path, first, second)
    reanswer(path, **KEPT["sqlite"])
    move(path, second, third)
    assert dump(file(third, "shop"))["bookmarks"] == had["bookmarks"] == [(*bookmark, 14)]

    (migrations / "own_0002_pages.py").write_text(COUNTED, "utf-8")
    run(path, "migrate", env=first.env(path))
    message = refusal(path, places("sqlite"), "--rows-from", first.pattern)
    fix = "let lines name rows of pages by an id, which stays as it is"
    assert message == f"migrate: pages: its number would count anew. Fix: {fix}.\n"


@pytest.mark.parametrize("server", ["postgres", "schema"])
def test_every_kind_of_value_survives_the_way_there_and_back(
    server: str, generate: Generate, reanswer: Reanswer, places: Places
) -> None:
    """What is out of use as well; and a counter goes on where it was."""
    path = generate(EVERY_KIND)
    first, second, third = map(places, ("sqlite", server, "sqlite"))
    run(path, "migrate", env=first.env(path))
    run(path, "python", "-c", FILL, env=first.env(path))
    reanswer(path, **PASSED)
    run(path, "migrate", env=first.env(path))
    had = dump(file(first, "shop"))
    assert {"things", "passings_retired_0002", "outbox", "inbox", "read_copies"} <= set(had)
    assert all(had.values())
    reanswer(path, **KEPT[server])
    move(path, first, second)
    assert run(path, "python", "-c", NEXT, env=second.env(path)) == "2501\n"
    reanswer(path, **KEPT["sqlite"])
    move(path, second, third)
    assert dump(file(first, "shop")) == dump(file(third, "shop")) == had
    assert run(path, "python", "-c", NEXT, env=third.env(path)) == "2501\n"


@pytest.mark.parametrize("storage", ["sqlite", "postgres"])
def test_a_kill_in_the_middle_leaves_nothing_and_it_runs_again(
    storage: str, generate: Generate, places: Places, tmp_path: Path
) -> None:
    path, old, new = generate(EVERY_KIND), places("sqlite"), places(storage)
    run(path, "migrate", env=old.env(path))
    run(path, "python", "-c", FILL, env=old.env(path))
    path = generate(EVERY_KIND | {"storage_kind": storage})
    command = [UV, "run", "--quiet", "--with", PACKAGES["sqlite"], "python", "-c", HANGING]
    with started([*command, "--rows-from", old.pattern], path, tmp_path / "log", new.env(path)) as it:
        eventually(lambda: "half of it is there" in it.output)
        it.kill()
    assert set(counts(path, new)["shop"].values()) == {0}
    assert "things 2" in move(path, old, new)
    assert counts(path, new)["shop"]["outbox"] == 2_500


class TestRefusal:
    """One line, and nothing is changed."""

    @pytest.fixture
    def old(self, places: Places) -> Place:
        return places("sqlite")

    @pytest.fixture
    def new(self, places: Places) -> Place:
        return places("sqlite")

    @pytest.fixture
    def path(self, generate: Generate, old: Place) -> Path:
        """A project with a thing in the old place."""
        path = generate(SHOP)
        run(path, "migrate", env=old.env(path))
        self.store(file(old, "stock"))
        return path

    def store(self, file: Path, label: str = "One") -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            row = (secrets.token_hex(16), 1, *["2026-03-01 07:30:00.000000"] * 2, label, 1250, 3)
            connection.execute("INSERT INTO things VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def unchanged(self, old: Place, before: Mapping[str, object], new: Place) -> bool:
        """Whether the old place is as it was, and the new one has no database yet."""
        return dump(file(old, "stock")) == before and not file(new, "stock").exists()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        {
            "missing": (
                ["--rows-from", "sqlite+aiosqlite:////nowhere/{service}.db"],
                "unable to open database file. Fix:",
            ),
            "no database": (["--rows-from", "sqlite+aiosqlite:///pyproject.toml", "stock"], "file is not a database"),
            "no URL": (["--rows-from", "{service}.db"], "--rows-from: Could not parse SQLAlchemy URL"),
            "unknown kind": (
                ["--rows-from", "mysql+aiomysql://a/{service}"],
                "mysql+aiomysql: is unknown. Fix: one of sqlite+aiosqlite, postgresql+asyncpg",
            ),
            "no driver": (
                ["--rows-from", SERVER + "/{service}"],
                "asyncpg is not installed. Fix: `uv run --with asyncpg==0.32.0 migrate",
            ),
            "one for all": (["--rows-from", "sqlite+aiosqlite:///stock.db"], "is one place for 3 services"),
            "no service": (
                ["--rows-from", "sqlite+aiosqlite:///{service}.db", "shelf"],
                "No service with a database is called shelf",
            ),
        }.values(),
        ids=["missing", "no database", "no URL", "unknown kind", "no driver", "one for all", "no service"],
    )
    def test_of_a_source_that_cannot_be_read(
        self, arguments: list[str], message: str, path: Path, old: Place, new: Place
    ) -> None:
        before = dump(file(old, "stock"))
        assert message in refusal(path, new, *arguments)
        assert self.unchanged(old, before, new)

    def test_of_a_server_that_does_not_answer_or_has_no_such_database(self, path: Path, new: Place) -> None:
        need_postgres()
        away = SERVER.replace("5432", "1") + "/{service}"
        assert "Connect call failed" in refusal(path, new, "--rows-from", away, package="postgres")
        unknown = SERVER + "/rows_of_nobody_{service}"
        output = refusal(path, new, "--rows-from", unknown, package="postgres")
        assert 'database "rows_of_nobody_stock" does not exist' in output
        assert "postgres:postgres" not in output
        assert not file(new, "stock").exists()

    def test_of_a_missing_file_makes_none(self, path: Path, old: Place, new: Place) -> None:
        file(old, "post").unlink()
        assert "post: its rows at" in refusal(path, new, "--rows-from", old.pattern)
        assert not file(old, "post").exists()
        assert not file(new, "stock").exists()

    def test_of_a_target_that_has_rows(self, path: Path, old: Place, new: Place) -> None:
        run(path, "migrate", env=new.env(path))
        self.store(file(new, "stock"), "Mine")
        before = dump(file(new, "stock"))
        output = refusal(path, new, "--rows-from", old.pattern)
        assert "stock: its database has rows (things 1). Fix: empty it" in output
        assert dump(file(new, "stock")) == before
        move(path, old, new, "sales", "post")

    def test_of_a_source_that_lacks_migrations(self, path: Path, old: Place, new: Place, reanswer: Reanswer) -> None:
        before = dump(file(old, "stock"))
        reanswer(path, data_entities=["stock.Thing(label: str)", *SHOP["data_entities"][1:]])
        assert "is not at the newest migration (0002). Fix:" in refusal(path, new, "--rows-from", old.pattern)
        assert self.unchanged(old, before, new)

    def test_of_a_source_that_somebody_has_altered(self, path: Path, old: Place, new: Place) -> None:
        with closing(sqlite3.connect(file(old, "stock"))) as connection, connection:
            connection.execute("ALTER TABLE things ADD COLUMN mine TEXT")
        output = refusal(path, new, "--rows-from", old.pattern)
        assert "stock: things is not as migrations made it" in output
        assert set(counts(path, new)["stock"].values()) == {0}

    def test_of_one_row_keeps_those_of_all_services_back(
        self, path: Path, old: Place, generate: Generate, places: Places
    ) -> None:
        """A row that the new database does not take, in the last of the services."""
        with closing(sqlite3.connect(file(old, "post"))) as connection, connection:
            row = (secrets.token_hex(16), 1, *["2026-03-01 07:30:00.000000"] * 2, "a@b.example", "x" * 300, "0" * 32)
            connection.execute("INSERT INTO letters VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        path = generate(SHOP | {"storage_kind": "postgres"})
        new = places("postgres")
        output = refusal(path, new, "--rows-from", old.pattern)
        assert "post: its rows: " in output
        assert "value too long for type character varying(255)" in output
        assert {rows for tables in counts(path, new).values() for rows in tables.values()} == {0}

    def test_of_a_target_that_is_away(self, path: Path, old: Place, generate: Generate) -> None:
        path = generate(SHOP | {"storage_kind": "postgres"})
        away = Place("postgres", SERVER.replace("5432", "1") + "/{service}")
        assert "stock: its database: " in refusal(path, away, "--rows-from", old.pattern)


class TestDecide:
    """What `plan decide` says of rows."""

    def test_tells_the_command_when_they_are_kept_elsewhere(self, generate: Generate) -> None:
        done = plan(generate(SHOP), "decide", "storage_kind=postgres", "--dry-run")
        command = "uv run --with aiosqlite==0.22.1 migrate --rows-from 'sqlite+aiosqlite:///var/{service}.db'"
        assert f"Rows to bring along while nothing runs:\n  {command}\n" in done.stdout
        done = plan(generate(SHOP | {"storage_kind": "postgres"}), "decide", "storage_kind=sqlite", "--dry-run")
        command = f"uv run --with asyncpg==0.32.0 migrate --rows-from '{SERVER}/corner_shop_{{service}}'"
        assert f"Rows to bring along while nothing runs:\n  {command}\n" in done.stdout

    def test_tells_the_command_when_they_become_another_s_on_the_same_server(self, generate: Generate) -> None:
        project = generate(SHOP | {"storage_kind": "postgres"})
        done = plan(project, "decide", "data_ownership=schema_per_service", "--dry-run")
        assert f"  uv run migrate --rows-from '{SERVER}/corner_shop_{{service}}'\n" in done.stdout

    def test_needs_no_driver_where_another_database_is_of_the_same_kind(self, generate: Generate) -> None:
        done = plan(generate(SHOP | {"storage_kind": "postgres"}), "decide", "project_slug=other", "--dry-run")
        assert f"  uv run migrate --rows-from '{SERVER}/corner_shop_{{service}}'\n" in done.stdout

    def test_is_silent_where_they_stay(self, generate: Generate) -> None:
        done = plan(generate(SHOP), "decide", "project_slug=other", "--dry-run")
        assert "Changed: " in done.stdout
        assert "Rows" not in done.stdout

    def test_is_silent_where_only_their_readers_change(self, generate: Generate) -> None:
        done = plan(generate(SHOP | KEPT["schema"]), "decide", "data_ownership=shared_database", "--dry-run")
        assert "Changed: " in done.stdout
        assert "Rows" not in done.stdout
