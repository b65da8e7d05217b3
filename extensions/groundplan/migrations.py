"""The tables of a service, and the migrations that lead to them.

A revision is a tuple of one-line operations, kept in the project's history, so that what a migration that was handed
out did to a database is never done otherwise:

    create books: title str, isbn str?, stock int     a new table, in addition to the columns that every table has
    add books.pages int?                              a new column; `= 0` gives the rows that exist a value
    loosen books.pages int?                           the column may be empty from now on
    tighten books.pages int                           it may no longer; `= 0` gives the rows without one a value
    retire books.pages / retire books                 out of use: renamed and kept, because a migration loses nothing
    index books: created, title                       records are looked up by these values together
    unique books: isbn                                the same, and no two rows may have the same values
    drop index books: title / drop unique books: isbn no longer
    was unique books: isbn                            unique until a later revision: rows with the same values do not
                                                      stand in its way
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .domain import SCALARS, Entity, Field, Product, Service
from .text import short_hash

Revision = tuple[str, ...]

STORED = (*SCALARS, "choice", "json")
"""The types of columns."""

NAME = "[a-z][a-z0-9_]*"
COLUMN = rf"{NAME} (?:{'|'.join(STORED)})\??"
OPERATION = re.compile(
    rf"(?P<create>create) (?P<created>{NAME}): (?P<columns>{COLUMN}(?:, {COLUMN})*)"
    rf"|(?P<retire>retire) (?P<retired>{NAME})(?:\.(?P<name>{NAME}))?"
    rf"|(?P<verb>add|loosen|tighten) (?P<table>{NAME})\.(?P<column>{COLUMN})(?: = (?P<default>.+))?"
    rf"|(?P<change>(?:drop )?(?:index|unique)|was unique) (?P<changed>{NAME}): (?P<fields>{NAME}(?:, {NAME})*)"
)

LONGEST_NAME = 63
"""The bytes of an identifier that PostgreSQL reads."""


@dataclass(frozen=True)
class Column:
    """A column: how it is stored, whether it may be empty, and what existing rows get."""

    name: str
    type: str
    optional: bool = False
    default: object = None
    """Of JSON's types; an empty list, where nobody gave a list one."""

    @property
    def needs_value(self) -> bool:
        """Whether a row cannot be without a value in it, and no default gives existing rows one."""
        return not self.optional and self.default is None

    def __str__(self) -> str:
        return f"{self.name} {self.type}{'?' if self.optional else ''}"


@dataclass(frozen=True)
class Index:
    """An index over columns of a table."""

    fields: tuple[str, ...]
    unique: bool = False

    @property
    def word(self) -> str:
        return "unique" if self.unique else "index"

    def name(self, table: str) -> str:
        """Its name in the database: `uq_books_isbn`."""
        whole = "_".join(("uq" if self.unique else "ix", table, *self.fields))
        if len(whole) <= LONGEST_NAME:
            return whole
        mark = short_hash(whole)
        return f"{whole[: LONGEST_NAME - 1 - len(mark)]}_{mark}"


@dataclass(frozen=True)
class Table:
    """A table: its columns by name, and its indexes."""

    columns: dict[str, Column]
    indexes: set[Index] = field(default_factory=set)

    @classmethod
    def of(cls, columns: Iterable[Column], indexes: Iterable[Index] = ()) -> Table:
        return cls({it.name: it for it in columns}, set(indexes))


Tables = Mapping[str, Table]


@dataclass(frozen=True)
class Operation:
    """One step of a migration, read back from its line."""

    verb: str
    table: str
    column: Column | None = None
    columns: tuple[Column, ...] = ()
    index: Index | None = None


def stored_as(field: Field) -> str:
    """The type of a field's column: its own, that of an id, or JSON for what has parts."""
    if field.type.many or field.type.kind == "value":
        return "json"
    return "uuid" if field.type.kind == "reference" else field.type.kind


def columns(entity: Entity) -> tuple[Column, ...]:
    """The columns of an entity's table, besides those that every table has."""
    return tuple(Column(it.name, stored_as(it), it.type.optional, _default(it)) for it in entity.fields)


def indexes(entity: Entity) -> tuple[Index, ...]:
    """The indexes of an entity's table, besides that of its key."""
    return (
        *(Index(names, unique=True) for names in entity.uniques),
        *(Index(names) for names in entity.indexes),
    )


def _default(field: Field) -> object:
    return [] if field.type.many and field.required else field.default


JOB_QUEUE = "job_queue"
"""The table of queued jobs; no entity can have it, because it is not a plural."""

JOB_QUEUE_COLUMNS = (
    Column("job", "str"),
    Column("due_at", "datetime"),
    Column("content", "json"),
    Column("scheduled", "bool"),
    Column("tries", "int"),
    Column("trace", "str", optional=True),
    Column("rejected", "text", optional=True),
)
"""The columns of the table of queued jobs, in addition to those that every table has."""


IDEMPOTENCY_KEY = "idempotency_key"
"""The table of the answers to requests that may be repeated."""

IDEMPOTENCY_KEY_COLUMNS = (
    Column("fingerprint", "str"),
    Column("status", "int"),
    Column("headers", "json"),
    Column("body", "text"),
    Column("expires_at", "datetime"),
)
"""The columns of that table, in addition to those that every table has."""


OTHER_INDEXES = {IDEMPOTENCY_KEY: (Index(("expires_at",)),)}
"""The indexes of tables that are not those of entities."""


WORKFLOW_COLUMNS = (
    Column("workflow", "str"),
    Column("state", "choice"),
    Column("step", "int"),
    Column("reason", "text", optional=True),
    Column("due_at", "datetime"),
)
"""The columns of the table with the state of each workflow that a service orchestrates."""

WORKFLOW_STEP_COLUMNS = (Column("state", "choice"), Column("record", "uuid", optional=True))
"""The columns of the table with the state of each step that a service performs in workflows of others."""


_ASKED_BY = {"workflow": "workflows", "workflow_step": "workflows", JOB_QUEUE: "jobs"}


def asked_by(table: str) -> str:
    """The question that a table depends on."""
    return _ASKED_BY.get(table, "data_entities")


def other_tables(product: Product, service: Service, *, queues: bool = False) -> dict[str, tuple[Column, ...]]:
    """The tables of a service that are not those of its entities; their names are singular.

    With `queues`, jobs that wait are rows.
    """
    tables = {
        JOB_QUEUE: JOB_QUEUE_COLUMNS if queues and service.jobs else (),
        IDEMPOTENCY_KEY: IDEMPOTENCY_KEY_COLUMNS if service.entities else (),
    }
    return workflow_tables(product, service) | {name: columns for name, columns in tables.items() if columns}


def workflow_tables(product: Product, service: Service) -> dict[str, tuple[Column, ...]]:
    """The tables of a service that hold how far workflows are."""
    tables = {
        "workflow": WORKFLOW_COLUMNS if product.workflows_led_by(service.name) else (),
        "workflow_step": WORKFLOW_STEP_COLUMNS if product.workflow_steps_in(service.name) else (),
    }
    return {name: columns for name, columns in tables.items() if columns}


def revise(
    previous: tuple[Revision, ...], service: Service, others: Mapping[str, tuple[Column, ...]] = MappingProxyType({})
) -> tuple[Revision, ...]:
    """The revisions of a service, with one more if its tables are not what the previous ones lead to.

    `others` are its tables that are not those of its entities.
    """
    wanted = {entity.table: Table.of(columns(entity), indexes(entity)) for entity in service.entities}
    wanted |= {table: Table.of(kept, OTHER_INDEXES.get(table, ())) for table, kept in others.items()}
    step = _difference(_tables(previous), wanted)
    relaxed = tuple(tuple(_relaxed(line, wanted) for line in revision) for revision in previous)
    return (*relaxed, step) if step else relaxed


def _relaxed(line: str, wanted: Tables) -> str:
    """An earlier operation, without a requirement that existing rows might fail and that no longer holds.

    A column that had to have a value may be optional by now, or have a default. A database in which the operation was
    done had no such rows, so changing it makes no difference there; where it is still to be done, it can succeed now.
    """
    operation = parse(line)
    if operation.verb == "unique":
        kept = operation.table in wanted and operation.index in wanted[operation.table].indexes
        return line if kept else f"was {line}"
    old = operation.column
    if operation.verb not in ("add", "tighten") or old is None or not old.needs_value:
        return line
    new = wanted[operation.table].columns.get(old.name) if operation.table in wanted else None
    if new is None or new.type != old.type or new.optional:
        verb = "add" if operation.verb == "add" else "loosen"
        return f"{verb} {operation.table}.{Column(old.name, old.type, optional=True)}"
    return line if new.needs_value else f"{line}{_given(new)}"


def _given(column: Column) -> str:
    """The default for rows without a value."""
    return "" if column.default is None else f" = {json.dumps(column.default, ensure_ascii=False)}"


def _difference(known: Tables, wanted: Tables) -> Revision:
    steps: list[str] = []
    for table, new in wanted.items():
        if table not in known:
            steps.append(f"create {table}: {', '.join(map(str, new.columns.values()))}")
            steps += _index_steps("", table, new.indexes)
            continue
        old = known[table]
        retired = {
            name for name, it in old.columns.items() if name not in new.columns or new.columns[name].type != it.type
        }
        stay = {it for it in old.indexes & new.indexes if retired.isdisjoint(it.fields)}
        steps += _index_steps("drop ", table, old.indexes - stay)
        steps += [f"retire {table}.{name}" for name in old.columns if name not in new.columns]
        for name, column in new.columns.items():
            steps += _column_steps(table, old.columns.get(name), column)
        steps += _index_steps("", table, new.indexes - stay)
    for table in known:
        if table not in wanted:
            steps += [*_index_steps("drop ", table, known[table].indexes), f"retire {table}"]
    return tuple(steps)


def _index_steps(prefix: str, table: str, indexes: Iterable[Index]) -> list[str]:
    """Make or drop indexes, those that refuse rows first."""
    ordered = sorted(indexes, key=lambda it: (not it.unique, it.fields))
    return [f"{prefix}{it.word} {table}: {', '.join(it.fields)}" for it in ordered]


def _column_steps(table: str, old: Column | None, new: Column) -> list[str]:
    if old is not None and old.type == new.type:
        if old.optional == new.optional:
            return []
        return [f"loosen {table}.{new}" if new.optional else f"tighten {table}.{new}{_given(new)}"]
    retired = [] if old is None else [f"retire {table}.{new.name}"]
    return [*retired, f"add {table}.{new}{_given(new)}"]


def _tables(revisions: tuple[Revision, ...]) -> dict[str, Table]:
    """What the revisions lead to: the live columns and the indexes of each live table."""
    tables: dict[str, Table] = {}
    for operation in (parse(line) for revision in revisions for line in revision):
        if operation.verb == "create":
            tables[operation.table] = Table.of(operation.columns)
        elif operation.index is not None:
            indexes = tables[operation.table].indexes
            (indexes.discard if operation.verb.startswith("drop ") else indexes.add)(operation.index)
        elif operation.column is None:
            del tables[operation.table]
        elif operation.verb == "retire":
            del tables[operation.table].columns[operation.column.name]
        else:
            tables[operation.table].columns[operation.column.name] = operation.column
    return tables


def parse(line: str) -> Operation:
    """Read an operation.

    Raises:
        ValueError: The line is none; somebody edited the history by hand.
    """
    found = OPERATION.fullmatch(line)
    if not found:
        raise ValueError(f"{line!r} is not a schema operation")
    if found["create"]:
        return Operation("create", found["created"], columns=tuple(map(_column, found["columns"].split(", "))))
    if found["change"]:
        index = Index(tuple(found["fields"].split(", ")), found["change"].endswith("unique"))
        return Operation(found["change"], found["changed"], index=index)
    if found["retire"]:
        return Operation("retire", found["retired"], Column(found["name"], "") if found["name"] else None)
    default = None if found["default"] is None else json.loads(found["default"])
    return Operation(found["verb"], found["table"], _column(found["column"], default))


def _column(text: str, default: object = None) -> Column:
    name, type = text.split(" ")
    return Column(name, type.rstrip("?"), type.endswith("?"), default)
