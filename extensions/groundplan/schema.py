"""The tables of a service, and the migrations that lead to them.

A revision is a tuple of one-line operations, kept in the project's history, so that what a migration that was handed
out did to a database is never done otherwise:

    create books: title str, isbn str?, stock int     a new table, beside the columns that every table has
    add books.pages int?                              a new column; `= 0` gives the rows that exist a value
    loosen books.pages int?                           the column may be empty from now on
    tighten books.pages int                           it may no longer; `= 0` gives the rows without one a value
    retire books.pages / retire books                 out of use: renamed and kept, because a migration loses nothing
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .domain import SCALARS, Entity, Field, Product, Service

Revision = tuple[str, ...]
Tables = Mapping[str, Mapping[str, "Column"]]

STORED = (*SCALARS, "choice", "json")
"""How a column can be kept."""

NAME = "[a-z][a-z0-9_]*"
COLUMN = rf"{NAME} (?:{'|'.join(STORED)})\??"
OPERATION = re.compile(
    rf"(?P<create>create) (?P<created>{NAME}): (?P<columns>{COLUMN}(?:, {COLUMN})*)"
    rf"|(?P<retire>retire) (?P<retired>{NAME})(?:\.(?P<name>{NAME}))?"
    rf"|(?P<verb>add|loosen|tighten) (?P<table>{NAME})\.(?P<column>{COLUMN})(?: = (?P<default>.+))?"
)


@dataclass(frozen=True)
class Column:
    """A column: how it is stored, whether it may be empty, and what existing rows get."""

    name: str
    type: str
    optional: bool = False
    default: object = None
    """Of JSON's types; an empty list, where nobody gave a list one."""

    @property
    def demands(self) -> bool:
        """Whether rows without a value cannot stay, and nobody said what to give them."""
        return not self.optional and self.default is None

    def __str__(self) -> str:
        return f"{self.name} {self.type}{'?' if self.optional else ''}"


@dataclass(frozen=True)
class Operation:
    """One step of a migration, read back from its line."""

    verb: str
    table: str
    column: Column | None = None
    columns: tuple[Column, ...] = ()


def stored_as(field: Field) -> str:
    """How a field is kept: its own kind, an id, or JSON for what has parts."""
    if field.type.many or field.type.kind == "value":
        return "json"
    return "uuid" if field.type.kind == "reference" else field.type.kind


def columns(entity: Entity) -> tuple[Column, ...]:
    """The columns of an entity's table, beside those that every table has."""
    return tuple(Column(it.name, stored_as(it), it.type.optional, _default(it)) for it in entity.fields)


def _default(field: Field) -> object:
    return [] if field.type.many and field.required else field.default


JOB_QUEUE = "job_queue"
"""The table of the jobs that wait, which no entity can have: it is no plural."""

QUEUED = (
    Column("job", "str"),
    Column("due_at", "datetime"),
    Column("content", "json"),
    Column("scheduled", "bool"),
    Column("tries", "int"),
    Column("trace", "str", optional=True),
    Column("rejected", "text", optional=True),
)
"""The columns of that table, beside those that every table has."""


LED = (
    Column("workflow", "str"),
    Column("state", "choice"),
    Column("step", "int"),
    Column("because", "text", optional=True),
    Column("due_at", "datetime"),
)
"""Where the workflows stand that a service leads."""

TAKEN = (Column("state", "choice"), Column("record", "uuid", optional=True))
"""What became of the steps that it does in workflows of others."""


_ASKED_BY = {"workflow": "workflows", "workflow_step": "workflows", JOB_QUEUE: "jobs"}


def asked_by(table: str) -> str:
    """The question because of which there is a table."""
    return _ASKED_BY.get(table, "data_entities")


def beside(product: Product, service: Service, *, queues: bool = False) -> dict[str, tuple[Column, ...]]:
    """The tables of a service beside those of its entities, whose names are plurals.

    With `queues`, jobs that wait are rows.
    """
    tables = {
        "workflow": LED if product.led(service.name) else (),
        "workflow_step": TAKEN if product.steps(service.name) else (),
        JOB_QUEUE: QUEUED if queues and service.jobs else (),
    }
    return {name: columns for name, columns in tables.items() if columns}


def revise(
    previous: tuple[Revision, ...], service: Service, others: Mapping[str, tuple[Column, ...]] = MappingProxyType({})
) -> tuple[Revision, ...]:
    """The revisions of a service, with one more if its tables are not what the previous ones lead to.

    `others` are the tables that it has beside those of its entities.
    """
    tables = {entity.table: columns(entity) for entity in service.entities} | dict(others)
    wanted = {table: {column.name: column for column in kept} for table, kept in tables.items()}
    step = _difference(_tables(previous), wanted)
    eased = tuple(tuple(_eased(line, wanted) for line in revision) for revision in previous)
    return (*eased, step) if step else eased


def _eased(line: str, wanted: Tables) -> str:
    """An operation that rows can stand in the way of, unless it asks what is asked no longer.

    Where it was done, no row stood in its way, so that it may do more for those rows now.
    """
    operation = parse(line)
    old = operation.column
    if operation.verb not in ("add", "tighten") or old is None or not old.demands:
        return line
    new = wanted.get(operation.table, {}).get(old.name)
    if new is None or new.type != old.type or new.optional:
        verb = "add" if operation.verb == "add" else "loosen"
        return f"{verb} {operation.table}.{Column(old.name, old.type, optional=True)}"
    return line if new.demands else f"{line}{_given(new)}"


def _given(column: Column) -> str:
    """What rows without a value get."""
    return "" if column.default is None else f" = {json.dumps(column.default, ensure_ascii=False)}"


def _difference(known: Tables, wanted: Tables) -> Revision:
    steps: list[str] = []
    for table, new in wanted.items():
        if table not in known:
            steps.append(f"create {table}: {', '.join(map(str, new.values()))}")
            continue
        old = known[table]
        steps += [f"retire {table}.{name}" for name in old if name not in new]
        for name, column in new.items():
            steps += _column_steps(table, old.get(name), column)
    steps += [f"retire {table}" for table in known if table not in wanted]
    return tuple(steps)


def _column_steps(table: str, old: Column | None, new: Column) -> list[str]:
    if old is not None and old.type == new.type:
        if old.optional == new.optional:
            return []
        return [f"loosen {table}.{new}" if new.optional else f"tighten {table}.{new}{_given(new)}"]
    retired = [] if old is None else [f"retire {table}.{new.name}"]
    return [*retired, f"add {table}.{new}{_given(new)}"]


def _tables(revisions: tuple[Revision, ...]) -> dict[str, dict[str, Column]]:
    """What the revisions lead to: the live columns of each live table."""
    tables: dict[str, dict[str, Column]] = {}
    for operation in (parse(line) for revision in revisions for line in revision):
        if operation.verb == "create":
            tables[operation.table] = {column.name: column for column in operation.columns}
        elif operation.column is None:
            del tables[operation.table]
        elif operation.verb == "retire":
            del tables[operation.table][operation.column.name]
        else:
            tables[operation.table][operation.column.name] = operation.column
    return tables


def parse(line: str) -> Operation:
    """Read an operation.

    Raises:
        ValueError: The line is none; somebody edited the history by hand.
    """
    found = OPERATION.fullmatch(line)
    if not found:
        raise ValueError(f"{line!r} is no schema operation")
    if found["create"]:
        return Operation("create", found["created"], columns=tuple(map(_column, found["columns"].split(", "))))
    if found["retire"]:
        return Operation("retire", found["retired"], Column(found["name"], "") if found["name"] else None)
    default = None if found["default"] is None else json.loads(found["default"])
    return Operation(found["verb"], found["table"], _column(found["column"], default))


def _column(text: str, default: object = None) -> Column:
    name, type = text.split(" ")
    return Column(name, type.rstrip("?"), type.endswith("?"), default)
