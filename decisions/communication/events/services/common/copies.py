"""Looking up the records that a draft refers to in the read copies that this service keeps."""

from __future__ import annotations

from typing import TypeVar

import sqlalchemy as sa

from services.common.lookup import Found, References, by_id, complete
from services.common.messaging import read_copies
from services.common.models import View
from services.common.runtime import Runtime

ViewT = TypeVar("ViewT", bound=View)


async def in_copies(
    runtime: Runtime, entity: str, view: type[ViewT], references: References
) -> Found[ViewT]:
    """The records of an entity by id; raises `UnknownReference` for an id that is in no copy."""
    fields = by_id(references)
    query = sa.select(read_copies.c.id, read_copies.c.data).where(
        read_copies.c.entity == entity, read_copies.c.id.in_(fields), ~read_copies.c.removed
    )
    async with runtime.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return complete(
        fields, {row.id: view.model_validate({"id": row.id, **row.data}) for row in rows}
    )
