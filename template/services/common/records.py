"""What happens when a record is created, replaced or removed: references, rules, storage, what follows."""

from __future__ import annotations

from typing import Any, Generic, Protocol, Self, TypeVar
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from services.common.errors import Outdated
from services.common.lookup import Finder
from services.common.models import Model, Page, Record
from services.common.rules import Rules
from services.common.runtime import Runtime, RuntimeDep
from services.common.storage import Store
from services.common.utils import new_id, now

DraftT = TypeVar("DraftT", bound=Model)
RecordT = TypeVar("RecordT", bound=Record)


class Consequence(Protocol):
    """What comes with a change, in its transaction: both are there, or neither."""

    async def follow(
        self, connection: AsyncConnection, service: str, operation: str, record: Record
    ) -> None:
        """Do what a change of a record asks for; the operation is create, update or delete."""


class Collection(Generic[DraftT, RecordT]):
    """The records of one entity; each subclass says what is particular to its own."""

    model: type[RecordT]
    table: Table
    rules: Rules
    consequences: tuple[Consequence, ...] = ()

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.database = runtime.database
        self.store = Store(self.model, self.table)
        self.find = Finder(runtime)

    @classmethod
    async def open(cls, runtime: RuntimeDep) -> Self:
        """Give a route its collection; being async, it costs no thread."""
        return cls(runtime)

    async def related(self, draft: DraftT) -> object:
        """The records that a draft refers to, for the rules; raises if one does not exist."""
        return None

    async def get(self, id: UUID) -> RecordT:
        async with self.database.read() as connection:
            return await self.store.get(connection, id)

    async def page(self, after: UUID | None, limit: int) -> Page[RecordT]:
        async with self.database.read() as connection:
            return await self.store.page(connection, after, limit)

    async def create(self, draft: DraftT) -> RecordT:
        record = await self.prepare(draft)
        async with self.database.write() as connection:
            await self.add(connection, record)
        self.runtime.wake()
        return record

    async def prepare(self, draft: DraftT) -> RecordT:
        """Check a draft and make it a record, before a transaction begins: this may call other services."""
        related = await self.related(draft)
        draft = await self._apply("creating", draft, draft=draft, related=related)
        at = now()
        return self._record(draft, id=new_id(), version=1, created_at=at, updated_at=at)

    async def add(self, connection: AsyncConnection, record: RecordT) -> None:
        """Store a prepared record and what follows, in the transaction of the connection."""
        await self.store.add(connection, record)
        await self._follow(connection, "create", record)

    async def replace(self, id: UUID, draft: DraftT, version: int) -> RecordT:
        current = await self._current(id, version)
        related = await self.related(draft)
        draft = await self._apply("updating", draft, current=current, draft=draft, related=related)
        record = self._record(
            draft, id=id, version=version + 1, created_at=current.created_at, updated_at=now()
        )
        async with self.database.write() as connection:
            await self.store.replace(connection, record, version)
            await self._follow(connection, "update", record)
        self.runtime.wake()
        return record

    async def remove(self, id: UUID, version: int) -> None:
        current = await self._current(id, version)
        await self._apply("deleting", None, current=current)
        removed = current.model_copy(update={"version": version + 1, "updated_at": now()})
        async with self.database.write() as connection:
            await self.store.delete(connection, id, version)
            await self._follow(connection, "delete", removed)
        self.runtime.wake()

    async def _apply(self, hook: str, unchanged: DraftT | None, **offered: Any) -> Any:
        return await self.rules.apply(hook, unchanged, **offered, **self.runtime.offered)

    async def _current(self, id: UUID, version: int) -> RecordT:
        current = await self.get(id)
        if current.version != version:
            raise Outdated(f"The current version is {current.version}, not {version}.")
        return current

    def _record(self, draft: DraftT, **system_fields: Any) -> RecordT:
        return self.model.model_validate(draft.model_dump() | system_fields)

    async def _follow(self, connection: AsyncConnection, operation: str, record: RecordT) -> None:
        for consequence in self.consequences:
            await consequence.follow(connection, self.runtime.service, operation, record)
