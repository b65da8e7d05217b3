"""Records in tables: typed columns, one connection per change, optimistic concurrency."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.common import engine as installed_engine
from services.common.errors import Missing, Outdated
from services.common.models import Page, Record

RecordT = TypeVar("RecordT", bound=Record)


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
        async with self.engine.connect() as connection:
            await connection.execution_options(read_only=True)
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: all of it or, after an exception, nothing."""
        async with self.engine.begin() as connection:
            yield connection

    async def ping(self, table: sa.TableClause) -> None:
        """Raise unless the database answers and has the table."""
        async with self.read() as connection:
            await connection.execute(sa.select(table).limit(1))

    async def close(self) -> None:
        await self.engine.dispose()


class Store(Generic[RecordT]):
    """The records of one entity."""

    def __init__(self, model: type[RecordT], table: sa.Table) -> None:
        self.model = model
        self.table = table

    async def get(self, connection: AsyncConnection, id: UUID) -> RecordT:
        """Raises `Missing` if there is none."""
        query = sa.select(self.table).where(self.table.c.id == id)
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise Missing(f"There is no {self.model.__name__} {id}.")
        return self.model.model_validate(row._mapping)

    async def page(
        self, connection: AsyncConnection, after: UUID | None, limit: int
    ) -> Page[RecordT]:
        """At most `limit` records whose id comes after `after`."""
        query = sa.select(self.table).order_by(self.table.c.id).limit(limit + 1)
        if after is not None:
            query = query.where(self.table.c.id > after)
        rows = (await connection.execute(query)).all()
        items = [self.model.model_validate(row._mapping) for row in rows[:limit]]
        return Page(items=items, next=items[-1].id if len(rows) > limit else None)

    async def add(self, connection: AsyncConnection, record: RecordT) -> None:
        await connection.execute(sa.insert(self.table).values(record.model_dump()))

    async def replace(self, connection: AsyncConnection, record: RecordT, version: int) -> None:
        """Store the record over `version` of it; raises `Outdated` if that is not the current one."""
        statement = sa.update(self.table).values(record.model_dump(exclude={"id", "created_at"}))
        await self._change(connection, statement, record.id, version)

    async def delete(self, connection: AsyncConnection, id: UUID, version: int) -> None:
        """Remove `version` of a record; raises `Outdated` if that is not the current one."""
        await self._change(connection, sa.delete(self.table), id, version)

    async def _change(
        self, connection: AsyncConnection, statement: Any, id: UUID, version: int
    ) -> None:
        matching = (self.table.c.id == id) & (self.table.c.version == version)
        result = await connection.execute(statement.where(matching))
        if result.rowcount == 0:
            current = await self.get(connection, id)
            raise Outdated(f"The current version is {current.version}, not {version}.")
