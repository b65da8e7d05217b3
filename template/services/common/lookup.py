"""Looking up the records that a draft refers to: in a table of this service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar
from uuid import UUID

from services.common.errors import UnknownReference
from services.common.models import View
from services.common.runtime import Runtime
from services.common.storage import Table, find

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
        fields = by_id(references)
        async with self.runtime.database.read() as connection:
            return complete(fields, await find(connection, table, view, fields))


def by_id(references: References) -> dict[UUID, str]:
    """The field in which each id stands."""
    return {id: field for field, ids in references.items() for id in ids if id is not None}


def complete(fields: dict[UUID, str], found: Found[ViewT]) -> Found[ViewT]:
    """What was found, if that is all that was looked for; raises `UnknownReference` otherwise."""
    for id, field in fields.items():
        if id not in found:
            raise UnknownReference(f"{field}: there is no record {id}.")
    return found
