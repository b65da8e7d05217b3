"""Entities change while there are records of them: nothing is lost, and the new code works on the old records."""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from copier.errors import UserMessageError

from copies import Generate, Reanswer
from projects import SERVER, UV, check_whole, drop, environment, need_postgres, run
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
    print(json.dumps([answer.json() if answer.content else None for answer in answers]))

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

DUMP = """
import asyncio
from sqlalchemy import text
from services.common.config import load_settings
from services.common.db.database import ENGINE

async def main():
    engine = ENGINE.connect(load_settings().database_url("shop"))
    async with engine.connect() as connection:
        print(*await connection.execute(text("SELECT * FROM books")))
    await engine.dispose()

asyncio.run(main())
"""

EXAMPLE = "example:YW4gZXhhbXBsZSB0aGF0IGV2ZXJ5Ym9keSBrbm93cyE="
SECOND = "second:YW4gb3RoZXIgZXhhbXBsZSB0aGF0IG5vYm9keSBrbm8="

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
        return self.refused_command("migrate")

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

    def everything(self) -> str:
        """All books as they lie there."""
        if self.url.startswith("file:"):
            folder = Path(self.url.removeprefix("file:")) / "books"
            return "".join(it.read_text(encoding="utf-8") for it in folder.iterdir())
        return run(self.path, "python", "-c", DUMP, env=self.env)

    def refused_command(self, *command: str) -> str:
        """What a command says that is refused."""
        result = subprocess.run(
            [UV, "run", "--quiet", *command], cwd=self.path, env=self.env, capture_output=True, text=True
        )
        assert result.returncode != 0
        assert "Traceback" not in result.stderr
        return result.stderr

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


FIELDS = {
    "title": "str",
    "price": "money",
    "note": "text?",
    "rate": "float?",
    "good": "bool?",
    "day": "date?",
    "at": "datetime?",
    "by": "email?",
    "page": "url?",
    "code": "uuid?",
    "kind": "new|used?",
    "tags": "list[str]?",
}


def book(mark: str = "", **others: str) -> str:
    """A book with a field of each kind, each with a mark."""
    types = (FIELDS | others).items()
    marked = (
        f"{name}: {type.replace(' =', f' {mark} =') if '=' in type else f'{type} {mark}'}" for name, type in types
    )
    return f"Book({', '.join(marked)})"


def test_fields_become_encrypted_and_readable_again_with_what_is_in_them(shop: Shop) -> None:
    shop.migrates(book())
    full = {
        "title": "Three",
        "price": "9.99",
        "note": "a note",
        "rate": 0.5,
        "good": True,
        "day": "2026-03-01",
        "at": "2026-03-01T07:30:00Z",
        "by": "a@b.example",
        "page": "https://a.example/b",
        "code": "0198f5a0-0000-7000-8000-000000000001",
        "kind": "used",
        "tags": ["a", "b"],
    }
    shop.create("books", **full)
    before = shop.items()
    assert before[2] == full
    shop.reanswer(shop.path, encryption="fields", data_entities=[book("pii")])
    assert "FIELD_KEYS: Field required" in shop.refusal()
    shutil.copy(shop.path / ".env.example", shop.path / ".env")
    shop.migrate()
    assert shop.items() == before
    assert shop.count("price", "books") == 3
    assert not any(it in shop.everything() for it in ("Three", "a note", "a@b.example", "9.99"))
    assert "3 records" in run(shop.path, "field-keys", "rotate", env=shop.env | {"FIELD_KEYS": f"{SECOND},{EXAMPLE}"})
    assert "its key, second, is not in FIELD_KEYS" in shop.refused_command("field-keys", "rotate")
    assert "0 records" in run(shop.path, "field-keys", "rotate", env=shop.env | {"FIELD_KEYS": SECOND})
    run(shop.path, "field-keys", "rotate", env=shop.env | {"FIELD_KEYS": f"{EXAMPLE},{SECOND}"})
    shop.migrates(book("pii", title="str = 'untitled'", note="text = 'none'", more="int = 7"))
    assert [it["note"] for it in shop.items()] == ["none", "none", "a note"]
    shop.migrates(book(note="text", more="int"))
    kept = [{"more": 7} | it | {"note": it["note"] or "none"} for it in before]
    assert [{name: it[name] for name in kept[0]} for it in shop.items()] == kept
    assert "Three" in shop.everything()


def test_a_project_whose_records_are_encrypted_stays_able_to_read_them(shop: Shop) -> None:
    shop.reanswer(shop.path, encryption="fields", data_entities=["Book(title: str pii, price: money)"])
    with pytest.raises(UserMessageError, match="fields of books and stored_response are encrypted in databases"):
        shop.reanswer(shop.path, encryption="tls")


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


KINDS = {
    "size": ("int", "float", 3, 3.0),
    "cost": ("int", "money", 12, "12.00"),
    "rate": ("float", "text?", 2.5, "2.5"),
    "whole": ("float", "int", 7.0, 7),
    "note": ("str", "text", 'a "word"', 'a "word"'),
    "number": ("str", "int", "-12", -12),
    "by": ("email", "str", "a@b.example", "a@b.example"),
    "page": ("url", "text", "https://a.example/b", "https://a.example/b"),
    "kind": ("new|used", "str", "used", "used"),
    "state": ("str", "open|shut = open", "shut", "shut"),
    "day": ("date", "datetime", "2026-03-01", "2026-03-01T00:00:00Z"),
    "at": ("datetime", "date", "2026-03-01T02:00:00+02:00", "2026-03-01"),
    "good": ("bool", "str", True, "true"),
    "code": ("uuid", "str", "0198f5a0-0000-7000-8000-000000000001", "0198f5a0-0000-7000-8000-000000000001"),
    "amount": ("money", "float", "0.10", 0.1),
    "maybe": ("int?", "str?", None, None),
    "missing": ("int?", "money = 1", None, "1.00"),
}
"""Types before and after, a value, and what it is then."""


def boxes(number: int) -> str:
    """An entity with a field of each of these, as it is first or last."""
    return f"Box({', '.join(f'{name}: {types[number]}' for name, types in KINDS.items())})"


def test_values_of_a_field_come_along_when_its_type_changes(shop: Shop) -> None:
    shop.migrates("Book(title: str, price: money)", boxes(0))
    first = shop.create("boxes", **{name: it[2] for name, it in KINDS.items()})
    shop.create("boxes", **{name: it[2] for name, it in KINDS.items()})
    shop.migrates("Book(title: str, price: money)", boxes(1))
    assert shop.items("boxes") == [{name: it[3] for name, it in KINDS.items()}] * 2
    again = shop.call("PUT", f"boxes/{first['id']}", json=shop.items("boxes")[0], headers={"If-Match": '"1"'})
    assert again["version"] == 2


def test_encrypted_values_come_along_when_their_type_changes(shop: Shop) -> None:
    """Also where they become encrypted, or readable, at the same time."""
    shop.reanswer(
        shop.path, encryption="fields", data_entities=["Book(title: str, price: money pii, mark: str pii = '1')"]
    )
    shutil.copy(shop.path / ".env.example", shop.path / ".env")
    shop.migrate()
    shop.becomes("Book(title: text pii, price: float, mark: int pii)")
    shop.migrate()
    assert shop.items() == [
        {"title": "One", "price": 12.5, "mark": 1},
        {"title": "Two", "price": 0.05, "mark": 1},
    ]
    shop.becomes("Book(title: int pii, price: float, mark: int pii)")
    assert "2 values of title in books are no int" in shop.refusal()
    shop.migrates("Book(title: str pii, price: float, mark: float)")
    assert [(it["title"], it["mark"]) for it in shop.items()] == [("One", 1.0), ("Two", 1.0)]


def test_a_field_keeps_its_values_under_another_name(shop: Shop) -> None:
    shop.migrates("Book(title: str unique, price: money, shelf: int = 1, place: int?); unique(shelf, place)")
    fields = "label: str unique, cost: float, shelf: int = 1, slot: int = 0"
    shop.reanswer(
        shop.path,
        data_entities=[f"Book({fields}); list(sort label)"],
        renames=["Book.title -> label", "Book.price -> cost", "Book.place -> slot"],
    )
    shop.migrate()
    one, two = {"label": "One", "cost": 12.5}, {"label": "Two", "cost": 0.05}
    assert shop.items() == [it | {"shelf": 1, "slot": 0} for it in (one, two)]
    assert shop.call("POST", "books", json=two)["errors"] == [
        {"field": "body.label", "message": "label: another record has this value."}
    ]
    shop.create("books", label="A", cost=1)
    assert [it["label"] for it in shop.items("books?sort=label")] == ["A", "One", "Two"]
    # Where there was no database yet, the same migrations make one.
    empty = shop.env | {"SHOP_DATABASE_URL": shop.url.replace("/shop", "/second", 1)}
    if "postgres" not in shop.url:
        run(shop.path, "migrate", env=empty)


def test_an_encrypted_field_keeps_its_values_under_another_name(shop: Shop) -> None:
    shop.reanswer(shop.path, encryption="fields", data_entities=["Book(title: str pii, price: money? pii)"])
    shutil.copy(shop.path / ".env.example", shop.path / ".env")
    shop.migrate()
    shop.create("books", title="Three")
    before = shop.items()
    shop.reanswer(
        shop.path,
        data_entities=["Book(label: str pii, cost: money? pii)"],
        renames=["Book.title -> label", "Book.price -> cost"],
    )
    shop.migrate()
    assert shop.items() == [{"label": it["title"], "cost": it["price"]} for it in before]
    assert not any(it in shop.everything() for it in ("One", "Two", "Three"))
    shop.reanswer(shop.path, data_entities=["Book(name: str, cost: money?)"], renames=["Book.label -> name"])
    shop.migrate()
    assert shop.items() == [{"name": it["title"], "cost": it["price"]} for it in before]


def test_values_that_are_none_of_the_other_type_stay_as_they_are(shop: Shop) -> None:
    shop.create("books", title="3", price="1")
    shop.becomes("Book(title: int, price: money)")
    assert "2 values of title in books are no int, one of them in " in shop.refusal()
    assert shop.refusal().rstrip().endswith("so that they stay where they are; nothing was changed.")
    shop.migrates("Book(title: text, price: money)")
    assert [it["title"] for it in shop.items()] == ["One", "Two", "3"]
    shop.migrates("Book(title: text, price: float)")
    assert [it["price"] for it in shop.items()] == [12.5, 0.05, 1.0]
    shop.becomes("Book(title: a|b, price: float)")
    assert "3 values of title in books are no choice" in shop.refusal()
    shop.migrates("Book(title: One|Two|'3', price: float)".replace("'3'", "3"))
    assert [it["title"] for it in shop.items()] == ["One", "Two", "3"]


BOOK = "Book(title: str, price: money)"
SALE = "Sale(kind: new|used|torn, lines: list[Line], gift: Line?)"
NARROWER = (BOOK, "value Line(sku: str, count: int)", "Sale(kind: new|torn, lines: list[Line], gift: Line?)")
"""A choice less, and one more part that is required."""


def test_a_record_that_fits_no_more_is_told_of_alone_and_repaired(shop: Shop) -> None:
    shop.migrates(BOOK, "value Line(sku: str)", SALE)
    drafts: dict[str, dict[str, object]] = {
        "first": {},
        "kind": {"kind": "used"},
        "lines.0.count": {"lines": [{"sku": "a"}]},
        "gift.count": {"gift": {"sku": "a"}},
        "lines": {},
        "last": {},
    }
    plain: dict[str, object] = {"kind": "new", "lines": []}
    ids = {name: shop.create("sales", **plain | draft)["id"] for name, draft in drafts.items()}
    shop.migrates(*NARROWER)
    damage(shop, ids["lines"])
    damaged = not shop.url.startswith("postgresql")  # whose JSON is always whole
    unfit = [it for it in ids if it not in ("first", "last") and (damaged or it != "lines")]
    page = shop.call("GET", "sales", params={"limit": 5})
    assert page["unreadable"] == [ids[it] for it in unfit]
    assert page["next"] == ids["lines"]
    assert [it["id"] for it in shop.call("GET", "sales", params={"after": page["next"]})["items"]] == [ids["last"]]
    for field in unfit:
        problem = shop.call("GET", f"sales/{ids[field]}")
        assert problem["status"] == 409
        assert ids[field] in problem["detail"]
        assert field in [it["field"] for it in problem["errors"]]
        draft = {"kind": "new", "lines": [{"sku": "b", "count": 1}], "gift": None}
        version = {"If-Match": '"1"'}
        if field == "kind":
            assert shop.call("DELETE", f"sales/{ids[field]}", headers=version) is None
        else:
            assert shop.call("PUT", f"sales/{ids[field]}", json=draft, headers=version)["version"] == 2
    page = shop.call("GET", "sales")
    assert [it["id"] for it in page["items"]] == [id for name, id in ids.items() if name != "kind"]
    assert page["unreadable"] == []


def damage(shop: Shop, id: str) -> None:
    """Cut off what a sale is stored with, where the database does not see to it that JSON is whole."""
    if shop.url.startswith("file:"):
        document = Path(shop.url.removeprefix("file:")) / "sales" / f"{id}.json"
        document.write_text(document.read_text(encoding="utf-8")[:20], encoding="utf-8")
    elif shop.url.startswith("sqlite"):
        with closing(sqlite3.connect(shop.url.partition("///")[2])) as connection, connection:
            connection.execute("UPDATE sales SET lines = '[' WHERE id = ?", [id.replace("-", "")])


def test_a_field_that_comes_back_has_its_values(shop: Shop) -> None:
    shop.migrates("Book(title: str)")
    shop.create("books", title="Three")
    shop.migrates("Book(title: str, price: money = 1)")
    assert [it["price"] for it in shop.items()] == ["12.50", "0.05", "1.00"]
    shop.migrates("Book(title: str)")
    shop.migrates("Book(title: str, price: int?)")
    assert [it["price"] for it in shop.items()] == [None] * 3
    assert shop.count("price_retired_0004", "books") == 3


def test_an_entity_that_comes_back_has_its_records(shop: Shop) -> None:
    shop.migrates("Novel(title: str)", "Book(title: str unique, price: money)")
    shop.migrates("Novel(title: str)")
    shop.create("novels", title="Three")
    shop.migrates("Novel(title: str)", "Book(title: str unique, price: money, pages: int = 7)")
    one, two = {"title": "One", "price": "12.50"}, {"title": "Two", "price": "0.05"}
    assert shop.items() == [it | {"pages": 7} for it in (one, two)]
    assert shop.call("POST", "books", json=two)["status"] == 409
    shop.create("books", title="Four", price="1")
    assert shop.items("novels") == [{"title": "Three"}]


def test_an_entity_that_comes_back_as_another_begins_anew(shop: Shop) -> None:
    shop.migrates("Novel(title: str)")
    shop.migrates("Novel(title: str)", "Book(title: str, price: money, isbn: str)")
    assert shop.items() == []
    shop.create("books", title="Four", price="1", isbn="1")
    assert shop.count("id", "books_retired_0002") == 2


def test_what_is_on_record_begins_with_the_answer_and_outlives_it(shop: Shop) -> None:
    def audited(*lines: str) -> None:
        shop.reanswer(shop.path, audit=list(lines), personas=["Auditor: looks"])
        shop.migrate()

    def history() -> list[dict[str, Any]]:
        return list(shop.call("GET", f"books/{old['id']}/history")["items"])

    audited("Book: read Auditor")
    old, _ = shop.call("GET", "books")["items"]
    assert (old["created_by"], old["updated_by"], history()) == (None, None, [])
    draft, current = {"title": "One", "price": "13"}, {"If-Match": '"1"'}
    changed = shop.call("PUT", f"books/{old['id']}", json=draft, headers=current)
    assert (changed["created_by"], changed["updated_by"]) == (None, "another service")
    (entry,) = history()
    assert (entry["version"], entry["caller"]) == (2, "another service")
    assert (entry["before"], entry["after"]) == ({"price": "12.50"}, {"price": "13.00"})
    audited()
    assert shop.items() == [draft | {"price": "13.00"}, {"title": "Two", "price": "0.05"}]
    assert shop.count("id", "record_history_retired_0003") == 1
    audited("Book: read Auditor")
    assert history() == []
    shop.create("books", title="Three", price="1")
    assert shop.count("id", "record_history") == 1


def test_the_suite_of_a_project_that_has_changed_passes(shop: Shop) -> None:
    """One in which values were converted, could not be, and were given back."""
    kinds = "kind: {}, a_field_with_a_longer_name: {}"
    shop.migrates("Book(title: str)", f"Copy(book: Book, place: str?, {kinds.format('str?', 'int?')})")
    shop.becomes(
        "Book(title: int)", f"Copy(book: Book?, place: str = 'here', {kinds.format('new|used?', 'datetime?')})"
    )
    assert "values of title in books are no int" in shop.refusal()
    shop.reanswer(shop.path, encryption="fields")
    shutil.copy(shop.path / ".env.example", shop.path / ".env")
    last = kinds.format("new|used|worn = worn", "text pii = 'a text that is so long that it does not fit into a line'")
    shop.migrates("Book(title: text pii = 'untitled')", f"Copy(book: Book?, place: str = 'here', {last})")
    check_whole(shop.path, shop.env)


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


def test_commands_tell_that_databases_were_not_migrated(generate: Generate) -> None:
    changes = {
        "services": [
            {"name": "shop", "responsibility": "keeps things", "publishes": ["book.added on create Book"]},
            {"name": "post", "responsibility": "tells", "subscribes": ["on book.added: create Letter(text: title)"]},
        ],
        "data_entities": ["shop.Book(title: str, owner: email pii)", "post.Letter(text: str)"],
        "data_sensitivity": ["pii"],
        "jobs": ["shop: count daily at 06:00"],
        "job_management": "cron",
        "api_auth": "accounts",
        "encryption": "fields",
    }
    project = generate(ANSWERS | changes)
    shutil.copy(project / ".env.example", project / ".env")
    (project / "var").mkdir()
    for command in ("messages list", "field-keys rotate", "jobs", "accounts add ada@example.com"):
        called, given = [UV, "run", "--quiet", *command.split()], "a long password\n"
        done = subprocess.run(called, cwd=project, env=environment(), input=given, capture_output=True, text=True)
        assert done.returncode == 1, command
        told = f"{command.split()[0]}: The database is unavailable or not migrated."
        assert done.stderr.splitlines()[-1].startswith(told), done.stderr
        assert "Traceback" not in done.stderr
