"""Where the read copies of a service are stored."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from services.common.db.database import Connection, Table
from services.common.messaging.envelope import Envelope

READ_COPIES = Table("read_copies")


async def save(connection: Connection, entity: str, envelope: Envelope, *, removed: bool) -> None:
    """Bring a copy up to date, unless it has a newer version already."""
    name = f"{entity}.{envelope.subject}"
    known = await connection.get(READ_COPIES, name)
    if known is None or envelope.sequence >= known["version"]:
        copy = {"version": envelope.sequence, "removed": removed, "data": envelope.data}
        connection.put(READ_COPIES, name, copy)


async def find_by_ids(
    connection: Connection, entity: str, ids: Collection[UUID]
) -> dict[UUID, dict[str, Any]]:
    """Read the data of the existing copies, by id."""
    names = {f"{entity}.{id}": id for id in ids}
    found = await connection.find(READ_COPIES, names)
    return {names[name]: it["data"] for name, it in found.items() if not it["removed"]}
