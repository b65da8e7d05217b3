"""The steps of migrations for fields that are encrypted, each in the transaction of its migration."""

from __future__ import annotations

from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from pydantic_core import to_jsonable_python

from services.common.config import load_settings
from services.common.db.encrypted_columns import EncryptedColumn
from services.common.db.field_keys import KEYS, FieldKeys
from scripts.migrations import rewriting, steps


def encrypt(table: str, column: sa.Column[Any]) -> None:
    """Encrypt the values of a column."""

    def encrypted(id: UUID, value: object) -> object:
        return keys().encrypt(table, id, {column.name: to_jsonable_python(value)})[column.name]

    _replace(table, column, _encrypted(column), encrypted)


def decrypt(table: str, column: sa.Column[Any]) -> None:
    """Store the values of a column as they are again; raises `CannotDecrypt`."""

    def decrypted(id: UUID, text: str) -> object:
        value = keys().decrypt(table, id, {column.name: text})[column.name]
        return rewriting.from_json(column.type, value)

    _replace(table, _encrypted(column), column, decrypted)


def rename(table: str, column: str, name: str) -> None:
    """Give an encrypted column another name, to which its values are bound; raises `CannotDecrypt`."""
    renamed = sa.Column(name, EncryptedColumn)

    def bound(id: UUID, text: str) -> object:
        value = keys().decrypt(table, id, {column: text})[column]
        return keys().encrypt(table, id, {name: value})[name]

    steps.rename(table, column, name)
    rewriting.store(table, renamed, renamed, sa.column(name).is_not(None), bound)


def add(table: str, column: sa.Column[Any], fill: Any = None) -> None:
    """Add an encrypted column; existing records get `fill`.

    Raises:
        SystemExit: It is required, there is no default, and there are records.
    """
    required = not column.nullable
    column.nullable = True
    op.add_column(table, column)
    if required:
        tighten(table, column, fill)


def tighten(table: str, column: sa.Column[Any], fill: Any = None) -> None:
    """Make an encrypted column required; records without a value get `fill`.

    Raises:
        SystemExit: There are such records, and there is no default.
    """

    def filled(id: UUID, _: None) -> object:
        return keys().encrypt(table, id, {column.name: fill})[column.name]

    if fill is not None:
        rewriting.store(table, column, column, sa.column(column.name).is_(None), filled)
    steps.tighten(table, column)


@cache
def keys() -> FieldKeys:
    """The keys of fields; they are needed once there is a row."""
    KEYS.use(load_settings().keys_of_fields())
    return KEYS


def _replace(
    table: str, old: sa.Column[Any], new: sa.Column[Any], changed: rewriting.Changed
) -> None:
    """Replace a column by one with the same name and other values."""
    rewriting.replace(table, old, new, changed)
    if not old.nullable:
        steps.tighten(table, new)


def _encrypted(column: sa.Column[Any]) -> sa.Column[Any]:
    return sa.Column(column.name, EncryptedColumn, nullable=column.nullable)
