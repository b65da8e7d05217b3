"""The tables of a service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .. import migrations
from ..domain import Type
from ..field_types import FIELD_TYPES
from ..formatting import wrap
from ..text import py
from .fields import literal

STRUCTURED_COLUMNS = {
    "choice": "sa.String(80)",
    "json": "sa.JSON(none_as_null=True)",
    migrations.TENANT: "sa.String(255)",
}
"""The SQLAlchemy types of columns whose type is not a field type (`migrations.stored_as`)."""


@dataclass(frozen=True)
class TableCode:
    """A table, and its columns besides those that every table has."""

    name: str
    columns: tuple[str, ...]
    indexes: tuple[str, ...] = ()


def table_code(name: str, columns: Iterable[migrations.Column], indexes: Iterable[migrations.Index]) -> TableCode:
    """A table that is not that of an entity."""
    return TableCode(name, tuple(column_code(it, 4) for it in columns), tuple(index_code(name, it) for it in indexes))


def column_code(column: migrations.Column, indent: int = 8) -> str:
    name, type = py(column.name), _column_type(column)
    return wrap(f"sa.Column({name}, {type}, nullable={column.optional})", indent, 1)


def index_code(table: str, index: migrations.Index) -> str:
    """An index, in the definition of its table."""
    arguments = ", ".join(map(py, (index.name(table), *index.fields)))
    return wrap(f"sa.Index({arguments}{', unique=True' if index.unique else ''})", 4, 1)


def _column_type(column: migrations.Column) -> str:
    if column.encrypted:
        return "encrypted_columns.EncryptedColumn"
    return STRUCTURED_COLUMNS.get(column.type) or FIELD_TYPES[column.type].column


def fill_argument(column: migrations.Column) -> str:
    """The argument with the value that rows without one get."""
    return wrap(f"fill={literal(Type(column.type), column.default)}", 8, 1)
