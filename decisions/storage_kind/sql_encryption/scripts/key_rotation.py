"""Encrypts the fields of a service with the first key, while the service runs."""

from __future__ import annotations

import importlib
from typing import Any

import sqlalchemy as sa

from services.common.db.database import Connection, Database
from services.common.db.encrypted_columns import encrypted_fields
from services.common.db.field_keys import KEYS

BATCH = 200


async def renew(service: str, url: str) -> int:
    """Encrypt with the first key what another one encrypted, and count the records; each batch stays done.

    Raises:
        CannotDecrypt: The key of a value is missing, or it was changed.
        ServiceUnavailable: The database does not answer, or was not migrated.
    """
    metadata: sa.MetaData = importlib.import_module(f"services.{service}.tables").metadata
    tables = [it for it in metadata.sorted_tables if encrypted_fields(it)]
    database = Database(url)
    try:
        await database.ping()
        return sum([await _renew_table(database, it) for it in tables])
    finally:
        await database.close()


async def _renew_table(database: Database, table: sa.Table) -> int:
    columns = [table.c.id, *(table.c[it] for it in encrypted_fields(table))]
    query = sa.select(*columns).order_by(table.c.id).limit(BATCH)
    count = 0
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    while rows:
        async with database.write() as connection:
            for row in rows:
                count += await _renew_row(connection, table, row)
        async with database.read() as connection:
            rows = (await connection.execute(query.where(table.c.id > rows[-1].id))).all()
    return count


async def _renew_row(connection: Connection, table: sa.Table, row: sa.Row[Any]) -> bool:
    """Whether there was something to renew; what somebody has changed since it was read is left to its writer."""
    stored = {it: row._mapping[it] for it in encrypted_fields(table)}
    changed = KEYS.renewed(table.name, row.id, stored)
    if not changed:
        return False
    as_read = (table.c[it] == stored[it] for it in changed)
    statement = sa.update(table).where(table.c.id == row.id, *as_read).values(changed)
    return (await connection.execute(statement)).rowcount > 0
