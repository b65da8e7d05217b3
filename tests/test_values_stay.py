"""Whatever becomes of fields, and in which order, each value stays what it was: after each migration, all are compared.

The migrations of random changes run in a database with rows, and a model says what is in these afterwards.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from copies import Generate, Reanswer
from groundplan import migrations
from groundplan.codegen.revisions import RevisionCode, revisions
from groundplan.codegen.tables import column_code
from groundplan.domain import Entity, Field, Service, Type
from projects import SERVER, UV, drop, environment, need_postgres, run
from samples import sampled
from unit.test_conversions import load

SHOP = {
    "project_name": "Shop",
    "concept": "Keeps things that change.",
    "services": ["shop: keeps things"],
    "architecture_style": "services",
}

DATABASE = """
import asyncio, json, sys
from datetime import UTC, datetime
from uuid import UUID
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from pydantic_core import to_jsonable_python
from scripts.migrations import retyped, rewriting, steps
from services.common.db import columns
from services.common.db.database import ENGINE

NAMES = globals()

def migrate(connection, steps):
    with Operations.context(MigrationContext.configure(connection, opts={"render_as_batch": True})):
        for step in steps:
            eval(step, NAMES)

def insert(connection, id, codes, values):
    kinds = {it.name: it.type for it in (eval(code, NAMES) for code in codes)}
    row = {name: rewriting.from_json(kinds[name], value) for name, value in values.items() if value is not None}
    now = datetime.now(UTC)
    table = sa.table("books", *(sa.column(name, kind) for name, kind in kinds.items()), sa.column("id", sa.Uuid),
                     sa.column("version"), sa.column("created_at", columns.InstantColumn),
                     sa.column("updated_at", columns.InstantColumn))
    connection.execute(sa.insert(table).values(id=UUID(id), version=1, created_at=now, updated_at=now, **row))

def read(connection, codes):
    kinds = [eval(code, NAMES) for code in codes]
    table = sa.table("books", sa.column("id", sa.Uuid), *(sa.column(it.name, it.type) for it in kinds))
    return {str(it.id): {kind.name: to_jsonable_python(it._mapping[kind.name]) for kind in kinds}
            for it in connection.execute(sa.select(table))}

def empty(connection):
    found = sa.MetaData()
    found.reflect(connection)
    found.drop_all(connection)

async def main(url):
    engine = ENGINE.connect(url)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            async with engine.begin() as connection:
                answer = await connection.run_sync(NAMES[name], *arguments)
        except SystemExit as refused:
            answer = str(refused)
        print(json.dumps(answer), flush=True)
    await engine.dispose()

asyncio.run(main(sys.argv[1]))
"""

DOCUMENTS = """
import asyncio, json, sys
from pathlib import Path
from shutil import rmtree
from scripts.migrate import _apply
from scripts.migrations import retyped, steps
from services.common.db.database import Database, Table

NAMES = globals()
BOOKS = Table("books")

async def migrate(database, steps):
    file = Path(sys.argv[1].removeprefix("file:")).with_suffix(".py")
    modules = "from scripts.migrations import retyped, steps"
    file.write_text(modules + chr(10) + "STEPS = (" + "".join(f"{it}, " for it in steps) + ")")
    async with database.write() as connection:
        await _apply(file, database, connection)

async def insert(database, id, _, values):
    async with database.write() as connection:
        connection.put(BOOKS, id, {"id": id} | {name: it for name, it in values.items() if it is not None})

async def read(database, names):
    async with database.read() as connection:
        found = await connection.find(BOOKS, await connection.names(BOOKS))
    return {id: {name: it.get(name) for name in names} for id, it in found.items()}

async def empty(database):
    for it in database.documents.root.iterdir():
        if it.name.startswith("books"):
            rmtree(it)

async def main(url):
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = await NAMES[name](Database(url), *arguments)
        except SystemExit as refused:
            answer = str(refused)
        print(json.dumps(answer), flush=True)

asyncio.run(main(sys.argv[1]))
"""

NAMES = ("title", "size", "note")
TYPES: dict[str, list[Any]] = {
    "int": [7, 12],
    "str": ["7", "x"],
    "text": ["1.5", "y"],
    "float": [2.0, 1.5],
    "bool": [True, False],
}
"""Types of fields, with values that some of the others know, too, and some do not."""

CONVERT = load().convert
Rows = dict[str, dict[str, Any]]


@dataclass
class Database:
    """A database in which a project's own steps of migrations run."""

    process: subprocess.Popen[str]
    of_documents: bool

    def migrate(self, revision: RevisionCode) -> Any:
        """Run a migration; what it says if it is refused."""
        steps = revision.document_steps if self.of_documents else revision.steps
        return self.do("migrate", [f"{it.head}({', '.join(it.arguments)})" for it in steps])

    def columns(self, fields: dict[str, Field]) -> list[str]:
        """What it has to know of fields."""
        if self.of_documents:
            return [*fields]
        return [column_code(it) for it in migrations.columns(Entity("Book", "shop", tuple(fields.values())))]

    def do(self, name: str, *arguments: object) -> Any:
        """Call one of the functions above."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


@dataclass(frozen=True)
class Change:
    """What somebody makes of the only entity: fields, of which some have another name than before, or nothing."""

    fields: tuple[Field, ...]
    renamed: tuple[migrations.Renamed, ...]

    @property
    def service(self) -> Service:
        return Service("shop", "", entities=(Entity("Book", "shop", self.fields),) if self.fields else ())


@dataclass
class Model:
    """The values that rows should have."""

    fields: dict[str, Field] = field(default_factory=dict)
    rows: Rows = field(default_factory=dict)
    retired: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """The type and the values of each field that went out of use."""
    gone: tuple[dict[str, Field], Rows, dict[str, tuple[str, dict[str, Any]]]] | None = None
    """All of this, of the entity when it went out of use."""

    def become(self, change: Change) -> Model:
        """What a change makes of it; raises `ValueError` where rows prevent it."""
        if not change.fields:
            return replace(self, fields={}, rows={}, retired={}, gone=self._all if self.fields else self.gone)
        new = {it.name: it for it in change.fields}
        if not self.fields:
            return self._begin(new)
        return self._changed(new, change.renamed)

    @property
    def _all(self) -> tuple[dict[str, Field], Rows, dict[str, tuple[str, dict[str, Any]]]]:
        return self.fields, self.rows, self.retired

    def _begin(self, new: dict[str, Field]) -> Model:
        """The entity is new, or comes back with its rows where these need nothing else."""
        if self.gone is None:
            return Model(new)
        fields, rows, retired = self.gone
        both = new.keys() & fields.keys()
        same = all(new[it].type.kind == fields[it].type.kind for it in both)
        asks = any(it.required and it.name not in both for it in new.values())
        return Model(fields, rows, retired)._changed(new, ()) if same and not asks else Model(new)

    def _changed(self, new: dict[str, Field], renamed: tuple[migrations.Renamed, ...]) -> Model:
        fields, retired = dict(self.fields), dict(self.retired)
        values = {name: {id: row[name] for id, row in self.rows.items()} for name in fields}
        for one in renamed:
            if one.old in fields and one.old not in new and one.new in new and one.new not in fields:
                fields[one.new], values[one.new] = fields.pop(one.old), values.pop(one.old)
        for name in fields.keys() - new.keys():
            retired[name] = fields[name].type.kind, values.pop(name)
        rows: Rows = {id: {} for id in self.rows}
        for name, it in new.items():
            known = values.get(name)
            if known is None and name in retired and retired[name][0] == it.type.kind:
                _, known = retired.pop(name)
            for id, row in rows.items():
                value = (known or {}).get(id)
                if name in fields and fields[name].type.kind != it.type.kind:
                    value = CONVERT(value, it.type.kind)
                row[name] = it.default if value is None and not it.type.optional else value
                if row[name] is None and it.required:
                    raise ValueError(name)
        return Model(new, rows, retired)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    if draw(st.integers(0, 6)) == 0:
        return Change((), ())
    fields = []
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        kind = draw(st.sampled_from([*TYPES]))
        optional = draw(st.booleans())
        default = None if optional else draw(st.none() | st.just(TYPES[kind][0]))
        fields.append(Field(name, Type(kind, optional=optional), default))
    pairs = draw(st.lists(st.permutations(NAMES), max_size=2))
    return Change(tuple(fields), tuple(migrations.Renamed("books", old, new) for old, new, _ in pairs))


@pytest.fixture(scope="module", params=sampled(["sqlite", "postgres", "files"], 1))
def database(
    request: pytest.FixtureRequest, generate: Generate, reanswer: Reanswer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """The database of a project in which the type of a field has changed, so that it has all steps."""
    folder, own = tmp_path_factory.mktemp("values"), f"values_{secrets.token_hex(4)}"
    if request.param == "postgres":
        need_postgres()
    project = generate(SHOP | {"storage_kind": request.param, "data_entities": ["Book(title: int)"]})
    reanswer(project, data_entities=["Book(title: str)"])
    urls = {
        "postgres": f"{SERVER}/{own}",
        "sqlite": f"sqlite+aiosqlite:///{folder}/shop.db",
        "files": f"file:{folder}/shop",
    }
    url = urls[request.param]
    shutil.copy(project / ".env.example", project / ".env")
    run(project, "migrate", env=environment(SHOP_DATABASE_URL=url))
    with closing(opened(project, url)) as made:
        yield made
    if request.param == "postgres":
        drop(folder, own)


def opened(project: Path, url: str) -> Database:
    of_documents, pipe = url.startswith("file:"), subprocess.PIPE
    command = [UV, "run", "--quiet", "python", "-c", DOCUMENTS if of_documents else DATABASE, url]
    process = subprocess.Popen(command, cwd=project, env=environment(), stdin=pipe, stdout=pipe, text=True)
    return Database(process, of_documents)


@settings(max_examples=60)
@given(st.lists(st.tuples(changes(), st.lists(st.integers(0, 9), min_size=3, max_size=3)), min_size=2, max_size=7))
def test_values_stay_whatever_becomes_of_fields(database: Database, steps: list[tuple[Change, list[int]]]) -> None:
    database.do("empty")
    done: tuple[migrations.Revision, ...] = ()
    model = Model()
    for number, (change, drawn) in enumerate(steps):
        after = migrations.revise(done, change.service, renamed=change.renamed)
        told = None
        if len(after) > len(done):
            told = database.migrate(revisions(after)[-1])
        try:
            model = model.become(change)
        except ValueError:
            event("refused")
            assert "nothing was changed" in str(told)
            continue
        assert told is None
        done = after
        if model.fields:
            assert database.do("read", database.columns(model.fields)) == model.rows
            id = f"0198f5a0-0000-7000-8000-{number:012}"
            row = {name: value(it, at) for (name, it), at in zip(model.fields.items(), drawn, strict=False)}
            database.do("insert", id, database.columns(model.fields), row)
            model.rows[id] = row
    # A database without rows comes to the same tables.
    database.do("empty")
    for revision in revisions(done):
        assert database.migrate(revision) is None
    if model.fields:
        assert database.do("read", database.columns(model.fields)) == {}


def value(of: Field, at: int) -> Any:
    """A value of a field."""
    known = [*TYPES[of.type.kind], *([None] if of.type.optional else [])]
    return known[at % len(known)]
