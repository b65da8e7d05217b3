"""What no two records may have in common: the values that are taken are documents, each with the name of its record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pydantic_core import to_json

from services.common.db.database import Connection, Document, Table
from services.common.errors import Duplicate


def key(document: Document, fields: Sequence[str]) -> str:
    """The name of the document for the values of these fields; empty where one is missing."""
    values = [document.get(field) for field in fields]
    return "" if None in values else hashlib.sha256(to_json(values)).hexdigest()


async def claim(
    connection: Connection, table: Table, name: str, before: Document, after: Document
) -> None:
    """Take the values that a record has after a change, and leave those that it had before.

    Raises:
        Duplicate: Another record has them.
    """
    for folder, fields in table.unique.items():
        taken, had, has = Table(folder), key(before, fields), key(after, fields)
        if had == has:
            continue
        if has:
            holder = await _holder(connection, table, taken, has)
            other = await connection.get(table, holder) if holder not in ("", name) else None
            # Somebody may have changed or removed the other document by hand.
            if other is not None and key(other, fields) == has:
                raise Duplicate(fields)
            connection.put(taken, has, {"record": name})
        if had and await _holder(connection, table, taken, had) == name:
            connection.remove(taken, had)


async def _holder(connection: Connection, table: Table, taken: Table, key: str) -> str:
    """The name of the record that took some values; empty if none did."""
    document = await connection.get(taken, key)
    return "" if document is None else str(document["record"])
