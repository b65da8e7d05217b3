"""Records in files: a document for each, all changes of a transaction at once, optimistic concurrency."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from os import close
from pathlib import Path
from typing import Any, Generic, NewType, TypeVar
from uuid import UUID

import structlog
from pydantic_core import from_json, to_json

from services.common.documents import Documents, Key
from services.common.errors import Away, Missing, Outdated
from services.common.models import Page, Record, View

log = structlog.get_logger()

RecordT = TypeVar("RecordT", bound=Record)
ViewT = TypeVar("ViewT", bound=View)
ResultT = TypeVar("ResultT")

Table = NewType("Table", str)
"""Where the records of an entity are: the name of their folder."""
Document = dict[str, Any]
"""Of JSON's types."""
MIGRATIONS = Table(".migrations")
"""Has a document for each migration that was done."""

SCHEME = "file:"
PATIENCE_S = 5.0
"""How long a change waits for those before it."""
PAUSE_S = 0.002


class Connection:
    """What is read, and what is to be changed when the transaction ends."""

    def __init__(self, documents: Documents, *, writes: bool) -> None:
        self._documents = documents
        self._writes = writes
        self.changes: dict[Key, bytes | None] = {}

    async def get(self, table: Table, name: str) -> Document | None:
        """A document as this transaction leaves it, if there is one."""
        return (await self.find(table, [name])).get(name)

    async def find(self, table: Table, names: Iterable[str]) -> dict[str, Document]:
        """Those of the documents that are there, by name."""

        def read() -> dict[str, Document]:
            contents = ((name, self._read((table, name))) for name in names)
            return {name: from_json(it) for name, it in contents if it is not None}

        return await on_disk(read)

    async def names(self, table: Table) -> list[str]:
        """The names of all documents, in order."""
        names = set(await on_disk(self._documents.names, table))
        for (kind, name), content in self.changes.items():
            if kind == table:
                (names.discard if content is None else names.add)(name)
        return sorted(names)

    def put(self, table: Table, name: str, document: Document) -> None:
        """Store a document in place of the one that has its name."""
        self._change((table, name), to_json(document, indent=2))

    def remove(self, table: Table, name: str) -> None:
        self._change((table, name), None)

    def _read(self, key: Key) -> bytes | None:
        return self.changes[key] if key in self.changes else self._documents.read(key)

    def _change(self, key: Key, content: bytes | None) -> None:
        if not self._writes:
            raise TypeError(f"{'/'.join(key)} is changed where nothing can be: use write().")
        self.changes[key] = content


class Database:
    """The documents of one service."""

    def __init__(self, url: str) -> None:
        """Take the folder of a URL such as `file:var/shop`.

        Raises:
            ValueError: It is no such URL.
        """
        if not url.startswith(SCHEME):
            raise ValueError(f"{url.partition(':')[0]}: is no folder. Fix: write file:FOLDER")
        self.url = url
        self.documents = Documents(Path(url.removeprefix(SCHEME)))
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A connection that changes nothing, and sees each document as it was before or after a change."""
        if self.documents.is_interrupted():
            async with self._alone():
                pass
        yield Connection(self.documents, writes=False)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """A transaction: all of it or, after an exception, nothing. One goes on at a time."""
        async with self._alone():
            connection = Connection(self.documents, writes=True)
            yield connection
            if connection.changes:
                await on_disk(self.documents.commit, connection.changes)

    async def ping(self) -> None:
        """Raise `Away` unless the documents can be read and were migrated."""
        async with self.read() as connection:
            await connection.names(MIGRATIONS)

    async def close(self) -> None:
        """Nothing stays open."""

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Keep all other changes waiting, those of other processes as well; what they left undone is done."""
        lock = await self._lock()
        try:
            if self.documents.is_interrupted():
                await on_disk(self.documents.recover)
            yield
        finally:
            close(lock)
            self._turn.release()

    async def _lock(self) -> int:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._turn.acquire()  # here in order; among processes, whoever comes first
                try:
                    while (lock := self._try_lock()) is None:
                        await asyncio.sleep(PAUSE_S)
                except BaseException:
                    self._turn.release()
                    raise
        except TimeoutError:
            raise Away("Too much is being changed at once.") from None
        return lock

    def _try_lock(self) -> int | None:
        with answering():
            return self.documents.try_lock()


@contextmanager
def answering() -> Iterator[None]:
    """Raise `Away` where the disk does not do what it is asked."""
    try:
        yield
    except OSError as error:
        log.error("disk failed", error=str(error))
        raise Away(f"The records cannot be used: {error.strerror}.") from error


async def on_disk(work: Callable[..., ResultT], *arguments: Any) -> ResultT:
    """Work in a thread, so that nobody waits for the disk; it ends before a cancellation goes on."""
    running = asyncio.create_task(asyncio.to_thread(work, *arguments))
    with answering():
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            while not running.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([running])
            running.exception()  # seen, though nobody waits for it any more
            raise


async def find(
    connection: Connection, table: Table, view: type[ViewT], ids: Iterable[UUID]
) -> dict[UUID, ViewT]:
    """The records of a table that are there, by id."""
    found = await connection.find(table, map(str, ids))
    return {UUID(name): shown(view, document) for name, document in found.items()}


def shown(view: type[ViewT], document: Document) -> ViewT:
    """What a document says of the fields of a view; those that are out of use are in it as well."""
    return view.model_validate({it: document[it] for it in view.model_fields if it in document})


class Store(Generic[RecordT]):
    """The records of one entity."""

    def __init__(self, model: type[RecordT], table: Table) -> None:
        self.model = model
        self.table = table

    async def get(self, connection: Connection, id: UUID) -> RecordT:
        """Raises `Missing` if there is none."""
        return shown(self.model, await self._document(connection, id))

    async def page(self, connection: Connection, after: UUID | None, limit: int) -> Page[RecordT]:
        """At most `limit` records whose id comes after `after`."""
        names = await connection.names(self.table)
        start = 0 if after is None else bisect_right(names, str(after))
        asked = names[start : start + limit]
        found = await connection.find(self.table, asked)
        more = start + limit < len(names)
        return Page(
            items=[shown(self.model, found[name]) for name in asked if name in found],
            next=UUID(asked[-1]) if more else None,
        )

    async def add(self, connection: Connection, record: RecordT) -> None:
        connection.put(self.table, str(record.id), record.model_dump(mode="json"))

    async def replace(self, connection: Connection, record: RecordT, version: int) -> None:
        """Store the record over `version` of it; raises `Outdated` if that is not the current one."""
        current = await self._current(connection, record.id, version)
        # What is out of use stays in the document.
        connection.put(self.table, str(record.id), current | record.model_dump(mode="json"))

    async def delete(self, connection: Connection, id: UUID, version: int) -> None:
        """Remove `version` of a record; raises `Outdated` if that is not the current one."""
        await self._current(connection, id, version)
        connection.remove(self.table, str(id))

    async def _current(self, connection: Connection, id: UUID, version: int) -> Document:
        document = await self._document(connection, id)
        if document["version"] != version:
            raise Outdated(f"The current version is {document['version']}, not {version}.")
        return document

    async def _document(self, connection: Connection, id: UUID) -> Document:
        document = await connection.get(self.table, str(id))
        if document is None:
            raise Missing(f"There is no {self.model.__name__} {id}.")
        return document
