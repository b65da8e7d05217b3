"""Conditions by which records are listed, as functions of a record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from services.common.db.repository import Condition, Table


def equals(_: Table, name: str, value: Any) -> Condition:
    """A field has a value."""
    return lambda record: bool(getattr(record, name) == value)


def contains(_: Table, name: str, value: object) -> Condition:
    """One of the values of a field is this one."""
    return lambda record: value in (getattr(record, name) or ())


def mentions(_: Table, names: Iterable[str], text: str) -> Condition:
    """One of the fields has this text in it, in whichever case."""
    fields, wanted = tuple(names), text.lower()
    return lambda record: any(wanted in (getattr(record, it) or "").lower() for it in fields)


def comes_after(_: Table, order: str, value: Any, id: UUID) -> Condition:
    """The record comes after that with the value and the id; `-` before the field is descending."""
    field, descending = order.removeprefix("-"), order.startswith("-")

    def holds(record: Any) -> bool:
        found = getattr(record, field)
        if found == value:
            return bool(record.id > id)
        return bool(found < value if descending else found > value)

    return holds
