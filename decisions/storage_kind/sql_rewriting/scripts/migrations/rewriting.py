"""Values in columns that are made from others, in the transaction of a migration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from pydantic import TypeAdapter

from services.common.db.columns import InstantColumn, MoneyColumn

BATCH = 1_000
"""So many rows are in memory at once."""

Changed = Callable[[UUID, Any], object]
"""Makes a value from the id of its row and another value."""


def replace(table: str, old: sa.Column[Any], new: sa.Column[Any], changed: Changed) -> None:
    """Replace a column by one with the same name, which may be empty, and with values made from its own."""
    made = sa.Column(f"{old.name}_replaced", new.type)
    op.add_column(table, made)
    store(table, old, made, sa.column(old.name).is_not(None), changed)
    drop(table, old.name)
    quote = op.get_bind().dialect.identifier_preparer.quote
    op.execute(f"ALTER TABLE {quote(table)} RENAME COLUMN {quote(made.name)} TO {quote(old.name)}")


def drop(table: str, column: str) -> None:
    """Drop a column whose values are elsewhere; what lay there is overwritten, where the database can do that."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    quote = connection.dialect.identifier_preparer.quote
    op.execute(f"ALTER TABLE {quote(table)} DROP COLUMN {quote(column)}")


def store(
    table: str,
    source: sa.Column[Any],
    target: sa.Column[Any],
    condition: sa.ColumnElement[bool],
    changed: Changed,
) -> None:
    """Give rows that meet a condition a value in one column, made from that in another."""
    connection, id = op.get_bind(), sa.column("id", sa.Uuid)
    types = {source.name: source.type, target.name: target.type}
    rows = sa.table(table, id, *(sa.column(name, type) for name, type in types.items()))
    value = rows.c[source.name].label("value")
    query = sa.select(id, value).where(condition).order_by(id).limit(BATCH)
    update = rows.update().where(id == sa.bindparam("of"))
    update = update.values({target.name: sa.bindparam("to", type_=target.type)})
    found = connection.execute(query).all()
    while found:
        connection.execute(update, [{"of": it.id, "to": changed(it.id, it.value)} for it in found])
        found = connection.execute(query.where(id > found[-1].id)).all()


def from_json(type: sa.types.TypeEngine[Any], value: Any) -> object:
    """A value of JSON as a column of this type takes it."""
    match type:
        case sa.JSON():
            return value
        case MoneyColumn():
            return Decimal(value)
        case InstantColumn():
            return datetime.fromisoformat(value)
        case _:
            return TypeAdapter(type.python_type).validate_python(value)
