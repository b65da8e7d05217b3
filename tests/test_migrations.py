"""Entities change while there are records of them: nothing is lost, and the new code works on the old records."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from copies import Generate, Reanswer
from projects import SERVER, UV, drop, environment, need_postgres, run
from samples import sampled

ANSWERS = {
    "project_name": "Changing shop",
    "concept": "Keeps things that change.",
    "services": ["shop: keeps things"],
    "architecture_style": "services",
}

SCHEMA = {"storage_kind": "postgres", "data_ownership": "schema_per_service"}

CALL = """
import asyncio, json, sys
import httpx2
from services.common.config import load_settings
from services.shop.main import app

async def main(calls):
    settings = load_settings()
    key = settings.service_key.get_secret_value()
    transport = httpx2.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx2.AsyncClient(
        transport=transport, base_url="http://test", headers={"X-API-Key": key}
    ) as client:
        answers = [await client.request(method, f"/v1/{path}", **options) for method, path, options in calls]
    print(json.dumps([answer.json() for answer in answers]))

asyncio.run(main(json.loads(sys.argv[1])))
"""

COUNT = """
import asyncio, sys
from sqlalchemy import text
from services.common.config import load_settings
from services.common.db.database import ENGINE

async def main(column, table):
    engine = ENGINE.connect(load_settings().database_url("shop"))
    async with engine.connect() as connection:
        print(await connection.scalar(text(f"SELECT count({column}) FROM {table}")))
    await engine.dispose()

asyncio.run(main(*sys.argv[1:]))
"""

COUNT_DOCUMENTS = """
import asyncio, sys
from services.common.config import load_settings
from services.common.db.database import Database, Table

async def main(field, kind):
    async with Database(load_settings().database_url("shop")).read() as connection:
        found = await connection.find(Table(kind), await connection.names(Table(kind)))
    print(sum(it.get(field) is not None for it in found.values()))

asyncio.run(main(*sys.argv[1:]))
"""


@dataclass(frozen=True)
class Shop:
    """A project of one service, whose answers change while its database stays."""

    path: Path
    url: str
    reanswer: Reanswer

    @property
    def env(self) -> dict[str, str]:
        return environment(SHOP_DATABASE_URL=self.url)

    def becomes(self, *entities: str) -> None:
        """Answer anew what it keeps."""
        self.reanswer(self.path, data_entities=list(entities))

    def migrates(self, *entities: str) -> None:
        """Answer anew what it keeps, and bring the database there."""
        self.becomes(*entities)
        self.migrate()

    def migrate(self) -> None:
        run(self.path, "migrate", env=self.env)

    def refusal(self) -> str:
        """The message about a migration that rows prevent."""
        result = subprocess.run(
            [UV, "run", "--quiet", "migrate"], cwd=self.path, env=self.env, capture_output=True, text=True
        )
        assert result.returncode != 0
        assert "Traceback" not in result.stderr
        return result.stderr

    def call(self, method: str, path: str, **options: object) -> Any:
        answers = run(self.path, "python", "-c", CALL, json.dumps([[method, path, options]]), env=self.env)
        return json.loads(answers.splitlines()[-1])[0]

    def create(self, path: str, **draft: object) -> Any:
        record = self.call("POST", path, json=draft)
        assert "id" in record, record
        return record

    def items(self, path: str = "books") -> list[dict[str, Any]]:
        """The records, without what every record has."""
        kept = ("id", "version", "created_at", "updated_at")
        items = self.call("GET", path)["items"]
        return [{name: value for name, value in item.items() if name not in kept} for item in items]

    def count(self, column: str, table: str) -> int:
        """The values that are not empty in a column, whether or not any code still knows it."""
        code = COUNT_DOCUMENTS if self.url.startswith("file:") else COUNT
        return int(run(self.path, "python", "-c", code, column, table, env=self.env))


@pytest.fixture(params=sampled(["sqlite", "postgres", "schema", "files"], 2))
def shop(request: pytest.FixtureRequest, generate: Generate, reanswer: Reanswer, tmp_path: Path) -> Iterator[Shop]:
    """Two books in a database."""
    own = f"migrations_{secrets.token_hex(4)}"
    urls = {
        "sqlite": f"sqlite+aiosqlite:///{tmp_path}/shop.db",
        "files": f"file:{tmp_path}/shop",
        "postgres": f"{SERVER}/{own}",
        "schema": f"{SERVER.replace('postgres:postgres', f'{own}:development')}/{own}",
    }
    on_server = request.param in ("postgres", "schema")
    if on_server:
        need_postgres()
    kept = SCHEMA if request.param == "schema" else {"storage_kind": request.param}
    path = generate(ANSWERS | kept | {"data_entities": ["Book(title: str, price: money)"]})
    shutil.copy(path / ".env.example", path / ".env")
    made = Shop(path, urls[request.param], reanswer)
    made.migrate()
    made.create("books", title="One", price="12.50")
    made.create("books", title="Two", price="0.05")
    yield made
    if on_server:
        drop(tmp_path, own)


def test_new_fields_of_every_kind_have_values_in_old_records(shop: Shop) -> None:
    shop.migrates(
        "Book(title: str, price: money, note: text = 'it''s \"so\"', short: str = 'a|b', pages: int = -1, "
        "rate: float = 0.5, good: bool = true, cost: money = 1.5, day: date = 2026-03-01, "
        "at: datetime = 2026-03-01T09:30:00+02:00, by: email = 'a@b.example', page: url = 'https://a.example/b', "
        "code: uuid = 0198f5a0-0000-7000-8000-000000000001, kind: new|used = used, tags: list[str], "
        "extra: str?)".replace("''", "\\'")
    )
    old, _ = shop.items()
    assert old == {
        "title": "One",
        "price": "12.50",
        "note": 'it\'s "so"',
        "short": "a|b",
        "pages": -1,
        "rate": 0.5,
        "good": True,
        "cost": "1.50",
        "day": "2026-03-01",
        "at": "2026-03-01T07:30:00Z",
        "by": "a@b.example",
        "page": "https://a.example/b",
        "code": "0198f5a0-0000-7000-8000-000000000001",
        "kind": "used",
        "tags": [],
        "extra": None,
    }
    new = shop.create("books", title="Three", price="1", tags=["a"])
    assert (new["pages"], new["tags"], new["at"]) == (-1, ["a"], "2026-03-01T07:30:00Z")


def test_a_field_may_become_optional_and_required_again(shop: Shop) -> None:
    shop.migrates("Book(title: str, price: money?)")
    shop.create("books", title="Three")
    shop.becomes("Book(title: str, price: money)")
    assert "1 records in books have no price" in shop.refusal()
    shop.migrates("Book(title: str, price: money = 9.99)")
    assert [it["price"] for it in shop.items()] == ["12.50", "0.05", "9.99"]


def test_a_required_field_without_a_default_waits_for_one(shop: Shop) -> None:
    shop.becomes("Book(title: str, price: money, pages: int)")
    assert "2 records in books have no pages" in shop.refusal()
    shop.migrates("Book(title: str, price: money, pages: int = 100)")
    shop.migrates("Book(title: str, price: money, pages: int)")
    assert [it["pages"] for it in shop.items()] == [100, 100]


def test_a_required_field_may_turn_out_to_be_optional_or_superfluous(shop: Shop) -> None:
    shop.becomes("Book(title: str, price: money, pages: int, place: str)")
    shop.migrates("Book(title: str, price: money, pages: int?)")
    assert [it["pages"] for it in shop.items()] == [None, None]
    shop.create("books", title="Three", price="1")


def test_a_field_may_become_unique_once_no_value_is_there_twice(shop: Shop) -> None:
    unique = "Book(title: str unique, price: money index, shelf: int = 1, place: int?); unique(shelf, place)"
    third = shop.create("books", title="Two", price="1")
    shop.becomes(unique)
    assert "books: 1 values of title are in more than one record" in shop.refusal()
    shop.migrates("Book(title: str, price: money)")
    shop.call("PUT", f"books/{third['id']}", json={"title": "Three", "price": "1"}, headers={"If-Match": '"1"'})
    shop.migrates(unique)
    assert [it["title"] for it in shop.items()] == ["One", "Two", "Three"]
    assert shop.call("POST", "books", json={"title": "Two", "price": "1"})["errors"] == [
        {"field": "body.title", "message": "title: another record has this value."}
    ]
    shop.create("books", title="Four", price="1", place=1)
    taken = shop.call("POST", "books", json={"title": "Five", "price": "1", "place": 1})
    assert (taken["status"], taken["detail"]) == (409, "shelf, place: another record has these values.")
    shop.migrates("Book(title: str, price: money, shelf: int = 1)")
    shop.create("books", title="Two", price="1")


def test_another_type_is_another_column(shop: Shop) -> None:
    shop.migrates("Book(title: text = 'untitled', price: money)")
    assert [it["title"] for it in shop.items()] == ["untitled", "untitled"]
    assert shop.count("title_retired_0002", "books") == 2


def test_a_field_that_comes_back_begins_anew(shop: Shop) -> None:
    shop.migrates("Book(title: str)")
    shop.create("books", title="Three")
    shop.migrates("Book(title: str, price: money = 1)")
    assert [it["price"] for it in shop.items()] == ["1.00", "1.00", "1.00"]
    assert shop.count("price_retired_0002", "books") == 2


def test_an_entity_that_comes_back_begins_anew(shop: Shop) -> None:
    shop.migrates("Novel(title: str)")
    shop.create("novels", title="Three")
    shop.migrates("Novel(title: str)", "Book(title: str, price: money)")
    assert shop.items() == []
    shop.create("books", title="Four", price="1")
    assert shop.items("novels") == [{"title": "Three"}]
    assert shop.count("id", "books_retired_0002") == 2


def test_the_suite_of_a_project_that_has_changed_passes(shop: Shop) -> None:
    shop.migrates("Book(title: str)", "Copy(book: Book, place: str?)")
    shop.migrates("Book(title: text = 'untitled')", "Copy(book: Book?, place: str = 'here')")
    assert " skipped" not in run(shop.path, "pytest", "-q", env=shop.env)
    run(shop.path, "ruff", "format", "--check", ".")
    run(shop.path, "ruff", "check", ".")


OWN = '''"""Bookmarks, and what no answer attaches to books."""

import sqlalchemy as sa
from alembic import op

from services.common.db import columns

revision = "own_0001"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "bookmarks",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("book", sa.Uuid, sa.ForeignKey("books.id")),
        sa.Column("at", columns.InstantColumn, nullable=False),
        sa.Column("twice", sa.Integer, sa.Computed("page * 2", persisted=True)),
        sa.Column("page", sa.Integer, nullable=False),
    )
    op.create_index("bookmarks_by_page", "bookmarks", ["page"])
    op.create_index("books_by_price", "books", ["price"])
    condition = sa.text("price > 1")
    op.create_index(
        "dear_books", "books", ["title"], sqlite_where=condition, postgresql_where=condition
    )
    op.create_index("books_by_words", "books", [sa.text("lower(title)")], unique=True)
    op.create_index("books_by_answer", "books", [sa.text(r"replace(title, '\\:re', '')")])
    op.execute("CREATE VIEW titles AS SELECT id, title FROM books")
    if op.get_bind().dialect.name == "sqlite":
        delete = "DELETE FROM bookmarks WHERE book = old.id"
        op.execute(f"CREATE TRIGGER gone AFTER DELETE ON books BEGIN {delete}; END")
'''
"""A migration that people wrote."""

BOOKMARK = """
import asyncio
from datetime import UTC, datetime
import sqlalchemy as sa
from services.common.config import load_settings
from services.common.db.database import Database
from services.shop import tables

async def main():
    bookmarks = sa.table("bookmarks", sa.column("book", sa.Uuid), sa.column("at", sa.DateTime(True)), sa.column("page"))
    async with Database(load_settings().database_url("shop")).write() as connection:
        book = (await connection.scalars(sa.select(tables.books.c.id))).first()
        row = {"book": book, "at": datetime(2026, 3, 1, tzinfo=UTC), "page": 7}
        await connection.execute(sa.insert(bookmarks).values(row))

asyncio.run(main())
"""

ATTACHED = """
import asyncio, json, sys
import sqlalchemy as sa
from services.common.config import load_settings
from services.common.db.database import Database

async def main(query):
    async with Database(load_settings().database_url("shop")).read() as connection:
        print(json.dumps(sorted((await connection.scalars(sa.text(query))).all())))

asyncio.run(main(sys.argv[1]))
"""
LISTED = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL",
    "postgres": "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()",
}


@pytest.mark.parametrize("shop", LISTED, indirect=True)
def test_migrations_of_ones_own_stand_beside_the_generated_ones(shop: Shop) -> None:
    """They begin where the generated ones were, and stay as they are when more of these come."""
    (shop.path / "services" / "shop" / "migrations" / "own_0001_bookmarks.py").write_text(OWN, "utf-8")
    own = {"bookmarks_by_page", "books_by_price", "dear_books", "books_by_words", "books_by_answer"}
    server = shop.url.startswith("postgres")
    listed = LISTED["postgres" if server else "sqlite"]
    own |= set() if server else {"gone"}

    def attached() -> set[str]:
        return {*json.loads(run(shop.path, "python", "-c", ATTACHED, listed, env=shop.env))}

    shop.migrate()
    run(shop.path, "python", "-c", BOOKMARK, env=shop.env)
    for entity in (
        "Book(title: str, price: money, pages: int = 3)",
        "Book(title: str, price: money, pages: int? index)",
        "Book(title: str, pages: int = 1)",
    ):
        shop.migrates(entity)
        assert shop.count("page", "bookmarks") == shop.count("book", "bookmarks") == 1
        assert shop.count("title", "titles") == shop.count("title", "books")
        assert own <= attached()
    run(shop.path, "pytest", "-q", "-x")
    run(shop.path, "mypy")
    run(shop.path, "ruff", "check", ".")
    run(shop.path, "ruff", "format", "--check", ".")
    assert "0 differences to the model." in run(shop.path, "plan", "check", "--code")


UNIQUE = '''"""Indexes that no two books may be alike in, which no answer makes."""

import sqlalchemy as sa
from alembic import op

revision = "own_0001"
down_revision = "0002"


def upgrade() -> None:
    thick = sa.text("pages > 2")
    columns = ["pages", "price"]
    op.create_index(
        "thick_books", "books", columns, unique=True, sqlite_where=thick, postgresql_where=thick
    )
    op.create_index("books_by_words", "books", [sa.text("lower(title)")], unique=True)
'''


@pytest.mark.parametrize("shop", LISTED, indirect=True)
def test_what_an_index_of_ones_own_refuses_is_a_conflict(shop: Shop) -> None:
    """It names the columns of the index, but for one over an expression."""
    (shop.path / "services" / "shop" / "migrations" / "own_0001_alike.py").write_text(UNIQUE, "utf-8")
    shop.migrates("Book(title: str, price: money, pages: int = 3, isbn: str? unique)")
    shop.create("books", title="Thin", price="7.00", pages=1)
    shop.create("books", title="Thinner", price="7.00", pages=1)
    shop.create("books", title="Three", price="7.00", isbn="3")

    def refused(**draft: object) -> tuple[int, str, list[str]]:
        problem = shop.call("POST", "books", json=draft)
        return problem["status"], problem["detail"], [it["field"] for it in problem.get("errors", ())]

    fields = "pages, price: another record has these values."
    assert refused(title="Four", price="7.00") == (409, fields, ["body.pages", "body.price"])
    assert refused(title="THREE", price="8.00") == (409, "Another record has the same values.", [])
    assert refused(title="Four", price="8.00", isbn="3") == (409, "isbn: another record has this value.", ["body.isbn"])
