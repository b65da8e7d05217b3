"""Conditions by which records are listed, as SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.common.db import engine
from services.common.db.repository import Condition, Table


def equals(table: Table, name: str, value: Any) -> Condition:
    """A field has a value."""
    condition: Condition = table.c[name] == value
    return condition


def contains(table: Table, name: str, value: object) -> Condition:
    """One of the values of a field is this one."""
    elements = getattr(sa.func, engine.JSON_ELEMENTS)(table.c[name]).table_valued("value")
    found = sa.select(sa.literal(1)).select_from(elements)
    return found.where(sa.cast(elements.c.value, sa.String) == str(value)).exists()


def mentions(table: Table, names: Iterable[str], text: str) -> Condition:
    """One of the fields has this text in it, in whichever case."""
    wanted = text.lower()
    return sa.or_(
        *(sa.func.lower(table.c[name]).contains(wanted, autoescape=True) for name in names)
    )


def comes_after(table: Table, order: str, value: Any, id: UUID) -> Condition:
    """The record comes after that with the value and the id; `-` before the field is descending."""
    field: sa.Column[Any] = table.c[order.removeprefix("-")]
    beyond = field < value if order.startswith("-") else field > value
    return sa.or_(beyond, sa.and_(field == value, table.c.id > id))
