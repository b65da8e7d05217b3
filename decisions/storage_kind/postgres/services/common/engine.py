"""PostgreSQL, a server that all services share, through asyncpg."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json
from sqlalchemy import BigInteger, Connection, event, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.common import ownership

COUNTER = BigInteger
"""The type of a primary key that counts up by itself."""
COUNTED: dict[str, Any] = {}
"""Options of a table with such a key."""


def connect(url: str) -> AsyncEngine:
    """Make an engine; no connection is opened yet."""
    engine = create_async_engine(
        url,
        json_serializer=lambda value: to_json(value).decode(),
        pool_pre_ping=True,  # the server may have been restarted since
    )

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("read_only", False):
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    return engine


async def alone(connection: AsyncConnection) -> None:
    """Wait until nobody else migrates the tables of this service; others wait as long as the connection is open."""
    await connection.execute(select(func.pg_advisory_lock(func.hashtext(func.current_schema()))))
    await connection.commit()


async def prepare(url: str) -> None:
    """Create what a service has of its own on the server, unless it is there."""
    await ownership.prepare(url)
