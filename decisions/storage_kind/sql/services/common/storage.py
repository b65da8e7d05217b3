"""Records in tables: typed columns, one connection per change, optimistic concurrency."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.common import engine as installed_engine
from services.common.errors import Away, Missing, Outdated
from services.common.models import Page, Record, View

log = structlog.get_logger()

RecordT = TypeVar("RecordT", bound=Record)
ViewT = TypeVar("ViewT", bound=View)

Connection = AsyncConnection
"""What a `with` block of `Database` gives, and all that reads or changes rows takes."""
Table = sa.Table
"""Where the records of an entity are."""


class StorageEngine(Protocol):
    """What a choice of database provides, in `engine.py`."""

    def connect(self, url: str) -> AsyncEngine:
        """Make an engine; no connection is opened yet."""

    async def prepare(self, url: str) -> None:
        """Create the database itself if it does not exist."""


ENGINE: StorageEngine = installed_engine
MIGRATED = sa.table("alembic_version", sa.column("version_num"))
"""What every database has that migrations were applied to."""


class MoneyColumn(sa.TypeDecorator[Decimal]):
    """An amount with two decimals, kept in hundredths, exact on every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else int(value * 100)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-2)


class InstantColumn(sa.TypeDecorator[datetime]):
    """A point in time, kept in UTC; the zone is put back where a database forgets it."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


def record_columns() -> Sequence[sa.Column[Any]]:
    """The columns that the table of every entity begins with."""
    return (
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", InstantColumn, nullable=False),
        sa.Column("updated_at", InstantColumn, nullable=False),
    )


class Database:
    """The database of one service."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = ENGINE.connect(url)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that changes nothing."""
        with answering():
            async with self.engine.connect() as connection:
                await connection.execution_options(read_only=True)
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: all of it or, after an exception, nothing."""
        with answering():
            async with self.engine.begin() as connection:
                yield connection

    async def ping(self) -> None:
        """Raise `Away` unless the database answers and was migrated."""
        query = sa.select(sa.literal(1)).select_from(MIGRATED).limit(1)
        try:
            async with self.read() as connection:
                await connection.execute(query)
        except (OSError, SQLAlchemyError) as error:
            raise Away("The database is away or not migrated.") from error

    async def close(self) -> None:
        await self.engine.dispose()


@contextmanager
def answering() -> Iterator[None]:
    """Raise `Away` where the database does not answer; what it refuses stays an error of its own."""
    try:
        yield
    except (InterfaceError, OperationalError, PoolTimeout) as error:
        log.error("database away", error=str(error))
        raise Away("The database does not answer.") from error


async def find(
    connection: Connection, table: Table, view: type[ViewT], ids: Iterable[UUID]
) -> dict[UUID, ViewT]:
    """The records of a table that are there, by id."""
    query = sa.select(table).where(table.c.id.in_(ids))
    rows = (await connection.execute(query)).all()
    return {row.id: view.model_validate(row._mapping) for row in rows}


class Store(Generic[RecordT]):
    """The records of one entity."""

    def __init__(self, model: type[RecordT], table: Table) -> None:
        self.model = model
        self.table = table

    async def get(self, connection: Connection, id: UUID) -> RecordT:
        """Raises `Missing` if there is none."""
        query = sa.select(self.table).where(self.table.c.id == id)
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise Missing(f"There is no {self.model.__name__} {id}.")
        return self.model.model_validate(row._mapping)

    async def page(self, connection: Connection, after: UUID | None, limit: int) -> Page[RecordT]:
        """At most `limit` records whose id comes after `after`."""
        query = sa.select(self.table).order_by(self.table.c.id).limit(limit + 1)
        if after is not None:
            query = query.where(self.table.c.id > after)
        rows = (await connection.execute(query)).all()
        items = [self.model.model_validate(row._mapping) for row in rows[:limit]]
        return Page(items=items, next=items[-1].id if len(rows) > limit else None)

    async def add(self, connection: Connection, record: RecordT) -> None:
        await connection.execute(sa.insert(self.table).values(record.model_dump()))

    async def replace(self, connection: Connection, record: RecordT, version: int) -> None:
        """Store the record over `version` of it; raises `Outdated` if that is not the current one."""
        statement = sa.update(self.table).values(record.model_dump(exclude={"id", "created_at"}))
        await self._change(connection, statement, record.id, version)

    async def delete(self, connection: Connection, id: UUID, version: int) -> None:
        """Remove `version` of a record; raises `Outdated` if that is not the current one."""
        await self._change(connection, sa.delete(self.table), id, version)

    async def _change(self, connection: Connection, statement: Any, id: UUID, version: int) -> None:
        matching = (self.table.c.id == id) & (self.table.c.version == version)
        result = await connection.execute(statement.where(matching))
        if result.rowcount == 0:
            current = await self.get(connection, id)
            raise Outdated(f"The current version is {current.version}, not {version}.")
