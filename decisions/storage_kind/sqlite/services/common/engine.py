"""SQLite: one file per service, in write-ahead mode, so that reading never waits for writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Connection, Integer, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

COUNTER = Integer
"""The type of a primary key that counts up by itself; only INTEGER does."""
COUNTED: dict[str, Any] = {"sqlite_autoincrement": True}
"""Options of a table with such a key: without this one, the number of a deleted row is given again."""


def connect(url: str) -> AsyncEngine:
    """Make an engine; no connection is opened yet."""
    engine = create_async_engine(url, json_serializer=lambda value: to_json(value).decode())

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        # The driver must not open transactions by itself: `begin` below does, and says which kind.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that will write takes the lock at once; upgrading one later can deadlock.
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


async def prepare(url: str) -> None:
    """Create the folder of the database file; SQLite creates the file."""
    if (file := make_url(url).database) and file != ":memory:":
        Path(file).parent.mkdir(parents=True, exist_ok=True)
