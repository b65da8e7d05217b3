"""What happens when a record is created, replaced or removed: references, rules, storage, what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar
from uuid import UUID

from fastapi import Request

from services.common.errors import Outdated
from services.common.lookup import Finder
from services.common.models import Model, Page, Record, next_version
from services.common.rules import Rules
from services.common.runtime import Runtime, get_runtime
from services.common.storage import Connection, Store, Table
from services.common.utils import new_id, now

DraftT = TypeVar("DraftT", bound=Model)
RecordT = TypeVar("RecordT", bound=Record)


class Effect(Protocol):
    """What a change brings about beside its record."""

    @property
    def on(self) -> tuple[str, ...]:
        """The operations that cause it: create, update, delete."""

    async def store(self, connection: Connection, runtime: Runtime, record: Record) -> None:
        """Keep it, in the transaction of the change."""

    def take_up(self, runtime: Runtime, record: Record) -> None:
        """Go on with it, now that the change is committed."""


class Collection(Generic[DraftT, RecordT]):
    """The records of one entity; each subclass says what is particular to its own."""

    model: type[RecordT]
    table: Table
    rules: Rules
    effects: tuple[Effect, ...] = ()

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.database = runtime.database
        self.store = Store(self.model, self.table)
        self.find = Finder(runtime)

    @classmethod
    async def open(cls, request: Request) -> Self:
        """Give a route its collection: async costs no thread, and the request no further dependency."""
        return cls(await get_runtime(request))

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
        self.take_up("create", record)
        return record

    async def prepare(self, draft: DraftT) -> RecordT:
        """Check a draft and make it a record, before a transaction begins: this may call other services."""
        related = await self.related(draft)
        draft = await self._apply("creating", draft, draft=draft, related=related)
        at = now()
        return self._record(draft, id=new_id(), version=1, created_at=at, updated_at=at)

    async def add(self, connection: Connection, record: RecordT) -> None:
        """Store a prepared record and what it brings about, in the transaction of the connection."""
        await self.store.add(connection, record)
        await self._bring_about(connection, "create", record)

    async def replace(self, id: UUID, draft: DraftT, version: int) -> RecordT:
        record = await self.prepare_change(id, draft, version)
        async with self.database.write() as connection:
            await self.put(connection, record)
        self.take_up("update", record)
        return record

    async def prepare_change(self, id: UUID, draft: DraftT, version: int) -> RecordT:
        """Check a draft and make it the next version of a record, before a transaction begins."""
        current = await self._current(id, version)
        related = await self.related(draft)
        draft = await self._apply("updating", draft, current=current, draft=draft, related=related)
        return self._record(
            draft, id=id, version=version + 1, created_at=current.created_at, updated_at=now()
        )

    async def put(self, connection: Connection, record: RecordT) -> None:
        """Store the next version of a record and what it brings about, in the transaction of the connection."""
        await self.store.replace(connection, record, record.version - 1)
        await self._bring_about(connection, "update", record)

    async def remove(self, id: UUID, version: int) -> None:
        record = await self.prepare_removal(id, version)
        async with self.database.write() as connection:
            await self.drop(connection, record)
        self.take_up("delete", record)

    async def prepare_removal(self, id: UUID, version: int) -> RecordT:
        """Ask the rules, and tell what is left of a record: a version that says when it was removed."""
        current = await self._current(id, version)
        await self._apply("deleting", None, current=current)
        return next_version(current)

    async def drop(self, connection: Connection, record: RecordT) -> None:
        """Remove a record and store what that brings about, in the transaction of the connection."""
        await self.store.delete(connection, record.id, record.version - 1)
        await self._bring_about(connection, "delete", record)

    def take_up(self, operation: str, record: RecordT) -> None:
        """Go on with what a change brought about, now that it is committed."""
        for effect in self.effects:
            if operation in effect.on:
                effect.take_up(self.runtime, record)

    async def _apply(self, hook: str, unchanged: DraftT | None, **offered: Any) -> Any:
        return await self.rules.apply(hook, unchanged, **offered, **self.runtime.offered)

    async def _current(self, id: UUID, version: int) -> RecordT:
        current = await self.get(id)
        if current.version != version:
            raise Outdated(f"The current version is {current.version}, not {version}.")
        return current

    def _record(self, draft: DraftT, **system_fields: Any) -> RecordT:
        return self.model.model_validate(draft.model_dump() | system_fields)

    async def _bring_about(self, connection: Connection, operation: str, record: RecordT) -> None:
        for effect in self.effects:
            if operation in effect.on:
                await effect.store(connection, self.runtime, record)


@dataclass(frozen=True)
class Change:
    """A change of a record, checked and not yet stored."""

    collection: Collection[Any, Any]
    operation: str
    record: Record

    async def store(self, connection: Connection) -> None:
        """Store it and what it brings about, in the transaction of the connection."""
        match self.operation:
            case "create":
                await self.collection.add(connection, self.record)
            case "update":
                await self.collection.put(connection, self.record)
            case _:
                await self.collection.drop(connection, self.record)

    def take_up(self) -> None:
        """Go on with what it brought about, now that it is committed."""
        self.collection.take_up(self.operation, self.record)
