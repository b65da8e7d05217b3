"""The steps that migrations consist of, on every database. None of them destroys data."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op


def create(table: str, *columns: sa.Column[Any]) -> None:
    """Make the table of an entity."""
    op.create_table(table, *columns)


def add(table: str, column: sa.Column[Any], fill: Any = None) -> None:
    """Add a column; records that exist get `fill`.

    Raises:
        SystemExit: It must not be empty, nobody said what to fill in, and there are records.
    """
    required = not column.nullable
    column.nullable = True
    op.add_column(table, column)
    if required:
        tighten(table, column, fill)


def loosen(table: str, column: str) -> None:
    """Let a column be empty."""
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column, nullable=True)


def tighten(table: str, column: sa.Column[Any], fill: Any = None) -> None:
    """Let a column be empty no longer; records in which it is get `fill`.

    Raises:
        SystemExit: There are such records, and nobody said what to fill in.
    """
    target = sa.table(table, sa.column(column.name, column.type))
    empty = target.c[column.name].is_(None)
    if fill is not None:
        op.execute(target.update().where(empty).values({column.name: fill}))
    elif count := op.get_bind().scalar(sa.select(sa.func.count()).select_from(target).where(empty)):
        raise SystemExit(
            f"{count} records in {table} have no {column.name}. Give the field a default, or make it"
            f" optional and fill it first; nothing was changed."
        )
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column.name, nullable=False)


def retire(table: str, column: str, revision: str) -> None:
    """Take a column out of use; its data stays under another name."""
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column, new_column_name=f"{column}_retired_{revision}", nullable=True)


def retire_table(table: str, revision: str) -> None:
    """Take a table out of use; its data stays under another name."""
    op.rename_table(table, f"{table}_retired_{revision}")
