"""Looking up the records that a draft refers to: here, in a read copy, or at the service that owns them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa

from services.common.errors import Away, UnknownReference
from services.common.messaging import read_copies
from services.common.models import View
from services.common.runtime import Runtime

ViewT = TypeVar("ViewT", bound=View)

Found = dict[UUID, ViewT]
"""Records by id."""

References = Mapping[str, Iterable[UUID | None]]
"""The ids that a draft refers to, by the field they stand in."""


CALLS_AT_ONCE = 10


class Finder:
    """Each way gives the records by id, and raises `UnknownReference` for an id that does not exist."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    async def here(
        self, table: sa.Table, view: type[ViewT], references: References
    ) -> Found[ViewT]:
        """In a table of this service."""
        fields = _by_id(references)
        query = sa.select(table).where(table.c.id.in_(fields))
        async with self.runtime.database.read() as connection:
            rows = (await connection.execute(query)).all()
        return _complete(fields, {row.id: view.model_validate(row._mapping) for row in rows})

    async def in_copies(
        self, entity: str, view: type[ViewT], references: References
    ) -> Found[ViewT]:
        """In the read copy that this service keeps."""
        fields = _by_id(references)
        query = sa.select(read_copies.c.id, read_copies.c.data).where(
            read_copies.c.entity == entity, read_copies.c.id.in_(fields), ~read_copies.c.removed
        )
        async with self.runtime.database.read() as connection:
            rows = (await connection.execute(query)).all()
        return _complete(
            fields, {row.id: view.model_validate({"id": row.id, **row.data}) for row in rows}
        )

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
        fields, client = _by_id(references), self.runtime.clients[service]
        few = asyncio.Semaphore(CALLS_AT_ONCE)

        async def find(id: UUID) -> ViewT | None:
            async with few:
                return await client.find(collection, id, view)

        try:
            views = await asyncio.gather(*map(find, fields))
        except Away:
            if when_away == "accept":
                return {}
            raise
        known = zip(fields, views, strict=True)
        return _complete(fields, {id: view for id, view in known if view is not None})


def _by_id(references: References) -> dict[UUID, str]:
    return {id: field for field, ids in references.items() for id in ids if id is not None}


def _complete(fields: dict[UUID, str], found: Found[ViewT]) -> Found[ViewT]:
    for id, field in fields.items():
        if id not in found:
            raise UnknownReference(f"{field}: there is no record {id}.")
    return found
