"""Where the read copies of a service are stored."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.common.db.database import Connection
from services.common.messaging.envelope import Envelope

metadata = sa.MetaData()
read_copies = sa.Table(
    "read_copies",
    metadata,
    sa.Column("entity", sa.String(80), primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("removed", sa.Boolean, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)


async def save(connection: Connection, entity: str, envelope: Envelope, *, removed: bool) -> None:
    """Bring a copy up to date, unless it has a newer version already."""
    this = (read_copies.c.entity == entity) & (read_copies.c.id == envelope.subject)
    known = await connection.scalar(sa.select(read_copies.c.version).where(this))
    values = {"version": envelope.sequence, "removed": removed, "data": envelope.data}
    if known is None:
        row = {"entity": entity, "id": envelope.subject, **values}
        await connection.execute(sa.insert(read_copies).values(row))
    elif envelope.sequence >= known:
        await connection.execute(sa.update(read_copies).where(this).values(values))


async def find_by_ids(
    connection: Connection, entity: str, ids: Collection[UUID]
) -> dict[UUID, dict[str, Any]]:
    """Read the data of the existing copies, by id."""
    query = sa.select(read_copies.c.id, read_copies.c.data).where(
        read_copies.c.entity == entity, read_copies.c.id.in_(ids), ~read_copies.c.removed
    )
    return {row.id: row.data for row in await connection.execute(query)}
