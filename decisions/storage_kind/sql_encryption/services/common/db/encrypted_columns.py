"""Columns whose values are encrypted before they reach the database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from services.common.db.field_keys import KEYS, Ciphertext


class EncryptedColumn(sa.TypeDecorator[Ciphertext]):
    """What is encrypted, as text. Nothing else can be stored there, or compared with it."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(
        self, value: Ciphertext | None, dialect: sa.Dialect
    ) -> Ciphertext | None:
        if value is not None and not isinstance(value, Ciphertext):
            raise TypeError(
                "This field is encrypted, so that no record is found by its value, and none is stored"
                " but through its repository."
            )
        return value

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Ciphertext | None:
        return None if value is None else Ciphertext(value)


def encrypted_fields(table: sa.Table) -> list[str]:
    """The names of the columns that are encrypted."""
    return [it.name for it in table.columns if isinstance(it.type, EncryptedColumn)]


def values_of(table: sa.Table, row: sa.Row[Any]) -> dict[str, Any]:
    """The values in a row, those that are encrypted as JSON has them; raises `CannotDecrypt`."""
    values = dict(row._mapping)
    stored = {it: values[it] for it in encrypted_fields(table)}
    return values | KEYS.decrypt(table.name, values["id"], stored)


def row_of(table: sa.Table, record: BaseModel) -> dict[str, Any]:
    """A record as a row."""
    values = record.model_dump()
    names = {*encrypted_fields(table)}
    return values | KEYS.encrypt(
        table.name, values["id"], record.model_dump(mode="json", include=names)
    )
