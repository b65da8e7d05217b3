"""A database for each service, which no query of another reaches."""

from __future__ import annotations

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine


async def prepare(url: str) -> None:
    """Create the database of a service if the server does not have it yet."""
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
