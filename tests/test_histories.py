"""What is on record while answers change: nothing but its redaction gets through, and it is not lost to its readers."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from copies import Generate, Reanswer
from projects import SERVER, drop, need_postgres, run
from samples import sampled
from test_migrations import Shop

ANSWERS: dict[str, Any] = {
    "project_name": "Recorded shop",
    "concept": "Keeps things, and who changed them.",
    "services": ["shop: keeps things"],
    "architecture_style": "services",
    "api_auth": "api_key",
    "personas": ["Auditor: looks"],
    "data_entities": ["Book(title: str pii)", "Tag(word: str)"],
}
CHANGES: dict[str, dict[str, Any]] = {
    "audit": {"audit": ["Book: read Auditor", "Tag: read Auditor"]},
    "tenants": {"tenants": "Branch; shared: Tag"},
    "retention": {"retention": ["Book: anonymise 1 day after created_at"]},
    "no audit": {"audit": []},
    "no tenants": {"tenants": {}},
    "no retention": {"retention": []},
}

FORGE = """
import asyncio, json
import sqlalchemy as sa
from services.common.config import load_settings
from services.common.db.database import ENGINE

NONE, POINT = "'00000000-0000-7000-8000-000000000001'", "'2001-01-01 00:00:00+00:00'"
OTHERS = {
    "id": NONE, "record_id": NONE, "created_at": POINT, "updated_at": POINT, "version": "version + 1",
    "is_service": "NOT is_service", "before": "'{\\"title\\": \\"forged\\"}'", "after": "'{\\"title\\": \\"forged\\"}'",
}

async def main():
    engine = ENGINE.connect(load_settings().database_url("shop"))
    got_through = []
    async with engine.connect() as connection:
        async def attempt(statement):
            try:
                await connection.execute(sa.text(statement.replace(":", r"\\:")))
                got_through.append(statement)
            except sa.exc.DBAPIError as error:
                if "record_history only grows" not in str(error):
                    raise
            await connection.rollback()

        def names(it):
            return [column["name"] for column in sa.inspect(it).get_columns("record_history")]

        columns = await connection.run_sync(names)
        one = "SELECT id, after FROM record_history WHERE entity = 'Book' ORDER BY created_at LIMIT 1"
        id, after = (await connection.execute(sa.text(one))).one()
        await connection.rollback()
        after = json.loads(after) if isinstance(after, str) else after
        redacted = "after = '" + json.dumps(after | {"title": "[redacted]"}) + "'"
        where = f"WHERE id = '{id}'"
        for column in columns:
            for value in ("NULL", "'[]'", OTHERS.get(column, "'forged'")):
                if value == "'[]'" and column not in ("before", "after"):
                    continue
                forged = f"{column} = {value}"
                sets = (forged,) if column == "after" else (forged, f"{forged}, {redacted}")
                already_so = f"SELECT 1 FROM record_history {where} AND {column} IS NULL"
                is_so = (await connection.execute(sa.text(already_so))).first()
                await connection.rollback()
                if value != "NULL" or not is_so:
                    for it in sets:
                        await attempt(f"UPDATE record_history SET {it} {where}")
        await attempt(f"DELETE FROM record_history {where}")
        forgeries = list(got_through)
        await attempt(f"UPDATE record_history SET {redacted} {where}")
        print(json.dumps([forgeries, len(got_through) > len(forgeries)]))
    await engine.dispose()

asyncio.run(main())
"""
"""Tries to change an entry in each of its columns, also along with what redaction does, and to delete it."""

EXPIRE = """
import asyncio
from datetime import timedelta
from services.common import retention
from services.common.config import load_settings
from services.common.utils import now
from services.shop.main import service
from services.shop.services import BookService

async def main():
    async with service.open(load_settings()) as runtime:
        print((await retention.apply(BookService, runtime.for_tenant("north"), now() + timedelta(days=2))).done)

asyncio.run(main())
"""


@pytest.fixture(params=sampled(["sqlite", "postgres", "files"], 1))
def shop(request: pytest.FixtureRequest, generate: Generate, reanswer: Reanswer, tmp_path: Path) -> Iterator[Shop]:
    kind, own = request.param, f"histories_{secrets.token_hex(4)}"
    if kind == "postgres":
        need_postgres()
    urls = {
        "sqlite": f"sqlite+aiosqlite:///{tmp_path}/shop.db",
        "files": f"file:{tmp_path}/shop",
        "postgres": f"{SERVER}/{own}",
    }
    path = generate(ANSWERS | {"storage_kind": kind})
    shutil.copy(path / ".env.example", path / ".env")
    made = Shop(path, urls[kind], reanswer)
    made.migrate()
    yield made
    if kind == "postgres":
        drop(tmp_path, own)


class Recorded:
    """A shop whose answers change, one after the other."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.now: set[str] = set()

    def change(self, *names: str) -> None:
        """Take answers into use, or out of it, and bring the database there."""
        answers: dict[str, Any] = {}
        for name in names:
            answers |= CHANGES[name]
            self.now = self.now - {name.removeprefix("no ")} | ({name} if name in ANSWERED else set())
        self.shop.reanswer(self.shop.path, **answers)
        given = ("--tenant", "north") if "tenants" in names else ()
        run(self.shop.path, "migrate", *given, env=self.shop.env)

    def call(self, method: str, path: str, tenant: str = "north", **options: Any) -> Any:
        return self.shop.call(method, path, headers={"X-Tenant": tenant} | options.pop("headers", {}), **options)

    def book(self, title: str, tenant: str = "north") -> str:
        return str(self.call("POST", "books", tenant, json={"title": title})["id"])

    def history(self, id: str, tenant: str = "north", of: str = "books") -> list[Any] | int:
        """The titles that entries say, or why they are not to be had."""
        found = self.call("GET", f"{of}/{id}/history", tenant)
        return [it["after"].get("title") for it in found["items"]] if "items" in found else int(found["status"])

    def seal_holds(self, *, redaction: bool) -> None:
        if not self.shop.url.startswith("file:"):
            told = json.loads(run(self.shop.path, "python", "-c", FORGE, env=self.shop.env).splitlines()[-1])
            assert told == [[], redaction]


ANSWERED = {"audit", "tenants", "retention"}


@pytest.mark.parametrize(
    "order",
    sampled(
        [
            ("audit", "tenants", "retention"),
            ("audit", "retention", "tenants"),
            ("tenants", "audit", "retention"),
            ("retention", "audit", "tenants"),
        ],
        1,
    ),
    ids="-".join,
)
@pytest.mark.parametrize("shop", sampled(["sqlite", "postgres"], 1), indirect=True)
def test_nothing_but_the_redaction_gets_through_in_whatever_order_it_came(shop: Shop, order: tuple[str, ...]) -> None:
    it = Recorded(shop)
    for name in order:
        it.change(name)
        if "audit" in it.now:
            it.book(name)
            it.seal_holds(redaction="retention" in it.now)
    it.change("no tenants")
    it.seal_holds(redaction=True)
    it.change("tenants", "no retention")
    it.seal_holds(redaction=True)


PLACE = '''"""A column that no answer adds to what is on record."""

import sqlalchemy as sa

from scripts.migrations import steps

revision = "own_0001"
down_revision = "0002"


def upgrade() -> None:
    place = sa.Column("place", sa.String(255), nullable=False)
    steps.add("record_history", place, "here")
    steps.redact("record_history", "own_0001")
'''


@pytest.mark.parametrize("shop", sampled(["sqlite", "postgres"], 1), indirect=True)
def test_a_column_is_added_to_what_is_sealed_and_filled(shop: Shop) -> None:
    it = Recorded(shop)
    it.change("audit", "retention")
    it.book("Old")
    migrations = shop.path / "services" / "shop" / "migrations"
    assert [it.name[:4] for it in sorted(migrations.glob("0*.py"))] == ["0001", "0002"]
    (migrations / "own_0001_place.py").write_text(PLACE, "utf-8")
    shop.migrate()
    assert shop.count("place", "record_history") == 1
    it.seal_holds(redaction=True)


def test_an_old_history_belongs_to_whom_its_records_do(shop: Shop) -> None:
    it = Recorded(shop)
    it.change("audit", "retention")
    book, gone = it.book("Old"), it.book("Gone")
    tag = it.call("POST", "tags", json={"word": "all"})["id"]
    it.call("DELETE", f"books/{gone}", headers={"If-Match": '"1"'})
    it.change("tenants")
    assert (it.history(book), it.history(book, "south"), it.history(book, "")) == (["Old"], 404, 403)
    assert it.history(gone) == ["Gone", None]
    assert len(it.call("GET", f"tags/{tag}/history", "south")["items"]) == 1
    assert run(shop.path, "python", "-c", EXPIRE, env=shop.env).splitlines()[-1] == "1"  # of the two, one is gone
    assert it.history(book) == ["[redacted]", "[redacted]"]
    it.change("no tenants")
    assert it.history(book) == ["[redacted]", "[redacted]"]
    new = it.book("New")
    it.change("tenants")
    assert (it.history(new), it.history(new, "south")) == (["New"], 404)
    run(shop.path, "ruff", "check", ".")
    run(shop.path, "ruff", "format", "--check", ".")


def test_entries_that_nobody_gave_to_anybody_stop_the_migration(shop: Shop) -> None:
    """Their records are gone, or are on record again only now."""
    it = Recorded(shop)
    it.change("audit")
    gone = it.book("Gone")
    it.call("DELETE", f"books/{gone}", headers={"If-Match": '"1"'})
    shop.reanswer(shop.path, tenants="Branch; shared: Tag")
    refusal = (
        "2 records in record_history belong to no tenant. Say to which: migrate --tenant NAME; nothing was changed"
    )
    assert refusal in shop.refusal()
    shop.reanswer(shop.path, tenants={})
    shop.migrate()
    assert it.history(gone, "") == ["Gone", None]


def test_a_history_of_several_is_nobody_elses_later(shop: Shop) -> None:
    it = Recorded(shop)
    it.change("audit")
    it.change("tenants")
    north, south = it.book("North"), it.book("South", "south")
    it.call("DELETE", f"books/{south}", "south", headers={"If-Match": '"1"'})
    shop.reanswer(shop.path, tenants={})
    refusal = shop.refusal()
    assert "The records in record_history are those of 2 tenants, who would see each other's" in refusal
    assert "without the answer audit" in refusal
    it.change("no audit", "no tenants")
    it.change("audit")
    assert (it.history(north), it.history(south)) == ([], 404)


SENDING: dict[str, Any] = ANSWERS | {
    "storage_kind": "sqlite",
    "services": ["shop: sells", "post: sends"],
    "data_entities": ["shop.Order(number: int, state: open|done|off = open)", "post.Parcel(order: uuid, number: int)"],
    "workflows": [
        "sending on create Order: Parcel(order: id, number: number);"
        " done: state = done; undone: state = off; timeout: 10"
    ],
}

OVERDUE = """
import asyncio
from datetime import timedelta
import sqlalchemy as sa
from services.common.config import load_settings
from services.common.utils import now
from services.common.workflows.orchestrator import Orchestrator
from services.shop import tables, workflows
from services.shop.main import service
from services.shop.services import OrderService

async def main():
    async with service.open(load_settings()) as runtime:
        async with runtime.database.write() as connection:
            await connection.execute(sa.update(tables.workflow).values(due_at=now() - timedelta(1)))
        await Orchestrator(workflows.SENDING, OrderService).undo_overdue(runtime)

asyncio.run(main())
"""


def test_a_workflow_that_runs_goes_on_for_whom_its_record_belongs_to(
    generate: Generate, reanswer: Reanswer, tmp_path: Path
) -> None:
    path = generate(SENDING)
    shutil.copy(path / ".env.example", path / ".env")
    it = Recorded(Shop(path, f"sqlite+aiosqlite:///{tmp_path}/shop.db", reanswer))
    it.shop.migrate()
    order = it.call("POST", "orders", json={"number": 7})["id"]
    reanswer(path, tenants="Branch")
    assert "1 records in orders belong to no tenant" in it.shop.refusal()
    run(path, "migrate", "--tenant", "north", env=it.shop.env)
    assert it.call("GET", f"orders/{order}/sending")["state"] == "running"
    assert it.call("GET", f"orders/{order}/sending", "south")["status"] == 404
    run(path, "python", "-c", OVERDUE, env=it.shop.env)
    assert it.call("GET", f"orders/{order}/sending")["state"] == "undoing"
