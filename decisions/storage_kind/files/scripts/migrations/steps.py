"""The steps that migrations consist of, on documents. None of them destroys data, and none needs a field to be there.

A field that may be empty need not be in a document, so that nothing is done where one comes or may be empty from now on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from services.common.documents import Documents
from services.common.storage import Connection, Document, Table


class Step(Protocol):
    """A part of a migration."""

    async def change(self, connection: Connection) -> None:
        """Change documents, in the transaction of the migration.

        Raises:
            SystemExit: Some of them stand in its way, and nobody said what to do with them.
        """

    def arrange(self, documents: Documents) -> None:
        """Make and rename folders; doing so twice is as good as once."""


@dataclass(frozen=True)
class Create:
    """Make the folder of an entity."""

    table: str

    async def change(self, connection: Connection) -> None:
        """There are no documents yet."""

    def arrange(self, documents: Documents) -> None:
        documents.prepare(self.table)


@dataclass(frozen=True)
class Fill:
    """Let a field be empty no longer; records in which it is get `fill`."""

    table: str
    field: str
    fill: Any = None

    async def change(self, connection: Connection) -> None:
        empty = await _documents(connection, self.table, lambda it: it.get(self.field) is None)
        if empty and self.fill is None:
            raise SystemExit(
                f"{len(empty)} records in {self.table} have no {self.field}. Give the field a default,"
                f" or make it optional and fill it first; nothing was changed."
            )
        for name, document in empty.items():
            connection.put(Table(self.table), name, document | {self.field: self.fill})

    def arrange(self, documents: Documents) -> None:
        """The folder stays."""


@dataclass(frozen=True)
class Retire:
    """Take a field out of use; its values stay under another name."""

    table: str
    field: str
    revision: str

    async def change(self, connection: Connection) -> None:
        having = await _documents(connection, self.table, lambda it: self.field in it)
        for name, document in having.items():
            document[f"{self.field}_retired_{self.revision}"] = document.pop(self.field)
            connection.put(Table(self.table), name, document)

    def arrange(self, documents: Documents) -> None:
        """The folder stays."""


@dataclass(frozen=True)
class RetireTable:
    """Take a folder out of use; its documents stay in one of another name."""

    table: str
    revision: str

    async def change(self, connection: Connection) -> None:
        """The documents stay as they are."""

    def arrange(self, documents: Documents) -> None:
        documents.rename(self.table, f"{self.table}_retired_{self.revision}")


async def _documents(
    connection: Connection, table: str, wanted: Callable[[Document], bool]
) -> dict[str, Document]:
    names = await connection.names(Table(table))
    found = await connection.find(Table(table), names)
    return {name: document for name, document in found.items() if wanted(document)}
