"""Looking up the records that a draft refers to: here, in a read copy, or at the service that owns them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Table, select

from services.common.errors import Away, UnknownReference
from services.common.messaging import read_copies
from services.common.models import View
from services.common.runtime import Runtime

ViewT = TypeVar("ViewT", bound=View)

Found = dict[UUID, ViewT]
"""Records by id."""

References = Mapping[str, Iterable[UUID | None]]
"""The ids that a draft refers to, by the field they stand in."""


class Finder:
    """Each way gives the records by id, and raises `UnknownReference` for an id that does not exist."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    async def here(self, table: Table, view: type[ViewT], references: References) -> Found[ViewT]:
        """In a table of this service."""

        async def find(id: UUID) -> ViewT | None:
            async with self.runtime.database.read() as connection:
                result = await connection.execute(select(table).where(table.c.id == id))
                row = result.one_or_none()
            return view.model_validate(row._mapping) if row else None

        return await _find_all(references, find)

    async def in_copies(
        self, entity: str, view: type[ViewT], references: References
    ) -> Found[ViewT]:
        """In the read copy that this service keeps."""

        async def find(id: UUID) -> ViewT | None:
            copy = select(read_copies.c.data).where(
                read_copies.c.entity == entity, read_copies.c.id == id, ~read_copies.c.removed
            )
            async with self.runtime.database.read() as connection:
                data = await connection.scalar(copy)
            return None if data is None else view.model_validate({"id": id, **data})

        return await _find_all(references, find)

    async def at(
        self,
        service: str,
        collection: str,
        view: type[ViewT],
        references: References,
        *,
        when_away: str,
    ) -> Found[ViewT]:
        """At the service that owns them.

        Raises:
            Away: It cannot be reached, and `when_away` is `refuse`; with `accept`, nothing is found or checked.
        """

        async def find(id: UUID) -> ViewT | None:
            return await self.runtime.clients[service].find(collection, id, view)

        try:
            return await _find_all(references, find)
        except Away:
            if when_away == "accept":
                return {}
            raise


async def _find_all(
    references: References, find: Callable[[UUID], Awaitable[ViewT | None]]
) -> Found[ViewT]:
    fields = {id: field for field, ids in references.items() for id in ids if id is not None}
    found: Found[ViewT] = {}
    for id, view in zip(fields, await asyncio.gather(*map(find, fields)), strict=True):
        if view is None:
            raise UnknownReference(f"{fields[id]}: there is no record {id}.")
        found[id] = view
    return found
