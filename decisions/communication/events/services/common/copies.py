"""Looking up the records that a draft refers to in the read copies that this service keeps."""

from __future__ import annotations

from typing import TypeVar

from services.common.boxes import find_copies
from services.common.lookup import Found, References, by_id, complete
from services.common.models import View
from services.common.runtime import Runtime

ViewT = TypeVar("ViewT", bound=View)


async def in_copies(
    runtime: Runtime, entity: str, view: type[ViewT], references: References
) -> Found[ViewT]:
    """The records of an entity by id; raises `UnknownReference` for an id that is in no copy."""
    fields = by_id(references)
    async with runtime.database.read() as connection:
        found = await find_copies(connection, entity, fields)
    return complete(
        fields, {id: view.model_validate({"id": id, **data}) for id, data in found.items()}
    )
