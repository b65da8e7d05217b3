"""PostgreSQL: one database per service on a shared server, through asyncpg."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json
from sqlalchemy import BigInteger, Connection, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

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


async def prepare(url: str) -> None:
    """Create the database if the server does not have it yet."""
    target = make_url(url)
    # CREATE DATABASE cannot run in a transaction, nor from inside the database that it creates.
    server = create_async_engine(target.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        async with server.connect() as connection:
            known = await connection.scalar(
                text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": target.database}
            )
            if not known:
                quoted = server.dialect.identifier_preparer.quote(target.database or "")
                await connection.exec_driver_sql(f"CREATE DATABASE {quoted}")
    finally:
        await server.dispose()
