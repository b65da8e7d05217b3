"""Encrypts the fields of a service with the first key, while the service runs."""

from __future__ import annotations

import importlib

from services.common.db.database import Database, Table
from services.common.db.field_keys import KEYS
from services.common.db.stored_responses import STORED_RESPONSE

BATCH = 50


async def renew(service: str, url: str) -> int:
    """Encrypt with the first key what another one encrypted, and count the records; each batch stays done.

    Raises:
        CannotDecrypt: The key of a value is missing, or it was changed.
    """
    declared = vars(importlib.import_module(f"services.{service}.tables")).values()
    tables = [it for it in declared if isinstance(it, Table) and it.encrypted]
    database = Database(url)
    return sum([await _renew_folder(database, it) for it in (*tables, STORED_RESPONSE)])


async def _renew_folder(database: Database, table: Table) -> int:
    async with database.read() as connection:
        names = await connection.names(table)
    count = 0
    for start in range(0, len(names), BATCH):
        async with database.write() as connection:
            found = await connection.find(table, names[start : start + BATCH])
            for name, document in found.items():
                stored = {it: document.get(it) for it in table.encrypted}
                if changed := KEYS.renewed(table, document["id"], stored):
                    connection.put(table, name, document | changed)
                    count += 1
    return count
