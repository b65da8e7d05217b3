"""The tables of a service, and the migrations that lead to them.

A revision is a tuple of one-line operations, kept in the project's history, so that a migration that was handed out
never changes:

    create books: title str, isbn str?, stock int     a new table, beside the columns that every table has
    add books.pages int?                              a new column; `= 0` gives the rows that exist a value
    loosen books.pages int? / tighten books.pages int the column may, or may no longer, be empty
    retire books.pages / retire books                 out of use: renamed and kept, because a migration loses nothing
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .domain import SCALARS, Entity, Field, Service

Revision = tuple[str, ...]

OPERATION = re.compile(
    r"(?P<verb>create|add|loosen|tighten|retire) (?P<table>[a-z0-9_]+)"
    r"(?:\.(?P<column>[a-z0-9_]+))?(?P<columns>: .*)?(?: (?P<type>[a-z]+)(?P<optional>\?)?(?: = (?P<default>.*))?)?"
)

STORED = (*SCALARS, "choice", "json")
"""The ways in which a column is kept."""


@dataclass(frozen=True)
class Column:
    """A column: how it is stored, whether it may be empty, and what existing rows get."""

    name: str
    type: str
    optional: bool = False
    default: str | None = None

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
    return tuple(
        Column(
            field.name,
            stored_as(field),
            field.type.optional,
            None
            if field.default is None
            else str(field.default).lower()
            if isinstance(field.default, bool)
            else str(field.default),
        )
        for field in entity.fields
    )


def revise(previous: tuple[Revision, ...], service: Service) -> tuple[Revision, ...]:
    """The revisions of a service, with one more if its tables are not what the previous ones lead to."""
    step = _difference(_tables(previous), service)
    return (*previous, step) if step else previous


def _difference(known: dict[str, dict[str, Column]], service: Service) -> Revision:
    steps = []
    wanted = {entity.table: columns(entity) for entity in service.entities}
    for table, new in wanted.items():
        if table not in known:
            steps.append(f"create {table}: {', '.join(map(str, new))}")
            continue
        old = known[table]
        names = {column.name for column in new}
        steps += [f"retire {table}.{name}" for name in old if name not in names]
        for column in new:
            steps += _column_steps(table, old.get(column.name), column)
    steps += [f"retire {table}" for table in known if table not in wanted]
    return tuple(steps)


def _column_steps(table: str, old: Column | None, new: Column) -> list[str]:
    if old is not None and old.type == new.type:
        if old.optional == new.optional:
            return []
        return [f"{'loosen' if new.optional else 'tighten'} {table}.{new}"]
    retired = [] if old is None else [f"retire {table}.{new.name}"]
    default = "" if new.default is None else f" = {new.default}"
    return [*retired, f"add {table}.{new}{default}"]


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
    operation = _parsed(line)
    for column in (operation.column, *operation.columns):
        if column and operation.verb != "retire" and column.type not in STORED:
            raise ValueError(f"{line!r} has a column of an unknown type")
    return operation


def _parsed(line: str) -> Operation:
    found = OPERATION.fullmatch(line)
    if not found:
        raise ValueError(f"{line!r} is no schema operation")
    if found["columns"] is not None:
        listed = [part.split(" ") for part in found["columns"][2:].split(", ") if part]
        return Operation(
            found["verb"],
            found["table"],
            columns=tuple(Column(n, t.rstrip("?"), t.endswith("?")) for n, t in listed),
        )
    column = found["column"] and Column(found["column"], found["type"] or "", bool(found["optional"]), found["default"])
    return Operation(found["verb"], found["table"], column or None)
