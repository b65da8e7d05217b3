"""The steps of migrations, on every database. None of them destroys data."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.operations.base import BatchOperations


def create(table: str, *columns: sa.Column[Any]) -> None:
    """Create the table of an entity."""
    op.create_table(table, *columns)


def add(table: str, column: sa.Column[Any], fill: Any = None) -> None:
    """Add a column; existing records get `fill`.

    Raises:
        SystemExit: It is required, there is no default, and there are records.
    """
    required = not column.nullable
    column.nullable = True
    op.add_column(table, column)
    if required:
        tighten(table, column, fill)


def loosen(table: str, column: str) -> None:
    """Make a column optional."""
    with _altering(table) as batch:
        batch.alter_column(column, nullable=True)


def tighten(table: str, column: sa.Column[Any], fill: Any = None) -> None:
    """Make a column required; records without a value get `fill`.

    Raises:
        SystemExit: There are such records, and there is no default.
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
    with _altering(table) as batch:
        batch.alter_column(column.name, nullable=False)


def index(table: str, name: str, *columns: str) -> None:
    """Let records be found by the values of these columns."""
    op.create_index(name, table, columns)


def unique(table: str, name: str, *columns: str) -> None:
    """Let no two records have the same values in these columns; a record without a value is like no other.

    Raises:
        SystemExit: Some have.
    """
    target = sa.table(table, *map(sa.column, columns))
    given = (target.c[column].is_not(None) for column in columns)
    same = sa.select(*target.c).where(*given).group_by(*target.c).having(sa.func.count() > 1)
    if count := op.get_bind().scalar(sa.select(sa.func.count()).select_from(same.subquery())):
        raise SystemExit(
            f"{table}: {count} values of {', '.join(columns)} are in more than one record. Change or"
            f" delete all but one of each, with the code of before; nothing was changed."
        )
    op.create_index(name, table, columns, unique=True)


def drop_index(table: str, name: str) -> None:
    """Take an index away; the data stay as they are."""
    op.drop_index(name, table)


def retire(table: str, column: str, revision: str) -> None:
    """Take a column out of use; its data stays under another name, and indexes over it know that."""
    retired = f"{column}_retired_{revision}"
    quote = op.get_bind().dialect.identifier_preparer.quote
    op.execute(f"ALTER TABLE {quote(table)} RENAME COLUMN {quote(column)} TO {quote(retired)}")
    loosen(table, retired)


def retire_table(table: str, revision: str) -> None:
    """Take a table out of use; its data stays under another name."""
    op.rename_table(table, f"{table}_retired_{revision}")


@contextmanager
def _altering(table: str) -> Iterator[BatchOperations]:
    """Alter a table; where it is made anew for that, what Alembic leaves out is made again: triggers, indexes over expressions."""
    connection = op.get_bind()
    made_anew = connection.dialect.name == "sqlite"
    before = _attached(connection, table) if made_anew else {}
    if made_anew:  # meanwhile, views and the triggers of others may name what is not there
        connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipped unsupported reflection")
        with op.batch_alter_table(table) as batch:
            yield batch
    if made_anew:
        connection.exec_driver_sql("PRAGMA legacy_alter_table = OFF")
        for name in before.keys() - _attached(connection, table).keys():
            connection.exec_driver_sql(before[name])  # as it is: a colon in it names no parameter


def _attached(connection: sa.Connection, table: str) -> dict[str, str]:
    """The statements that made the indexes and triggers of a table, as SQLite keeps them."""
    kept = sa.table("sqlite_master", *map(sa.column, ("name", "sql", "type", "tbl_name")))
    its = kept.c.type.in_(["index", "trigger"]) & (kept.c.tbl_name == table)
    made = sa.select(kept.c.name, kept.c.sql).where(its, kept.c.sql.is_not(None))
    return {name: statement for name, statement in connection.execute(made)}
