"""The steps of migrations for fields that are encrypted, each in the transaction of its migration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from services.common.config import load_settings
from services.common.db.database import Connection, Document, Table
from services.common.db.field_keys import KEYS, FieldKeys
from scripts.migrations.steps import Step


@dataclass(frozen=True)
class Encrypt(Step):
    """Encrypt the values of a field."""

    table: str
    field: str

    async def change(self, connection: Connection) -> None:
        def encrypted(document: Document) -> Any:
            return keys().encrypt(self.table, document["id"], {self.field: document[self.field]})

        await _change(connection, self.table, lambda it: it.get(self.field) is not None, encrypted)


@dataclass(frozen=True)
class Decrypt(Step):
    """Store the values of a field as they are again."""

    table: str
    field: str

    async def change(self, connection: Connection) -> None:
        """Change documents, in the transaction of the migration; raises `CannotDecrypt`."""

        def decrypted(document: Document) -> Any:
            return keys().decrypt(self.table, document["id"], {self.field: document[self.field]})

        await _change(connection, self.table, lambda it: it.get(self.field) is not None, decrypted)


@dataclass(frozen=True)
class Rename(Step):
    """Give an encrypted field another name, to which its values are bound."""

    table: str
    field: str
    name: str

    async def change(self, connection: Connection) -> None:
        """Change documents, in the transaction of the migration; raises `CannotDecrypt`."""

        def bound(document: Document) -> Any:
            id, stored = document["id"], {self.field: document.pop(self.field)}
            value = keys().decrypt(self.table, id, stored)[self.field]
            return keys().encrypt(self.table, id, {self.name: value})

        await _change(connection, self.table, lambda it: self.field in it, bound)


@dataclass(frozen=True)
class Fill(Step):
    """Make an encrypted field required; records without it get `fill`."""

    table: str
    field: str
    fill: Any = None

    async def change(self, connection: Connection) -> None:
        """Change documents, in the transaction of the migration.

        Raises:
            SystemExit: There are records without the field, and there is no default.
        """

        def filled(document: Document) -> Any:
            if self.fill is None:
                raise SystemExit(
                    f"Records in {self.table} have no {self.field}. Give the field a default, or make"
                    f" it optional and fill it first; nothing was changed."
                )
            return keys().encrypt(self.table, document["id"], {self.field: self.fill})

        await _change(connection, self.table, lambda it: it.get(self.field) is None, filled)


async def _change(
    connection: Connection,
    table: str,
    matches: Callable[[Document], bool],
    changed: Callable[[Document], Any],
) -> None:
    """Change fields of the documents that match."""
    found = await connection.find(Table(table), await connection.names(Table(table)))
    for name, document in found.items():
        if matches(document):
            connection.put(Table(table), name, document | changed(document))


@cache
def keys() -> FieldKeys:
    """The keys of fields; they are needed once there is a document."""
    KEYS.use(load_settings().keys_of_fields())
    return KEYS
