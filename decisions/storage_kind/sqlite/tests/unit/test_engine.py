"""The folder of a database file is made; what a locked file refuses may succeed later, a wrong statement never."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from services.common.db import engine


async def test_the_folder_of_a_database_is_made_once(tmp_path: Path) -> None:
    for _ in range(2):
        await engine.prepare(f"sqlite+aiosqlite:///{tmp_path}/in/here/shop.db")
    (folder,) = (tmp_path / "in").iterdir()
    assert (folder.name, folder.stat().st_mode & 0o077) == ("here", 0)


async def test_nobody_else_reads_a_database_in_a_folder_that_others_see(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    await engine.prepare(f"sqlite+aiosqlite:///{tmp_path}/shop.db")
    assert (tmp_path / "shop.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"])
async def test_a_database_in_memory_needs_no_folder(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a folder was made")

    monkeypatch.setattr(Path, "mkdir", refuse)
    await engine.prepare(url)


async def test_a_column_of_json_holds_what_a_record_has(tmp_path: Path) -> None:
    table = sa.Table("it", sa.MetaData(), sa.Column("data", sa.JSON))
    id, at = uuid4(), datetime(2026, 3, 1, tzinfo=UTC)
    used = engine.connect(f"sqlite+aiosqlite:///{tmp_path}/it.db")
    async with used.begin() as connection:
        await connection.run_sync(table.metadata.create_all)
        await connection.execute(sa.insert(table).values(data={"id": id, "at": at}))
        await connection.execute(sa.text("INSERT INTO it VALUES ('no JSON')"))
        stored = (await connection.scalars(sa.select(table.c.data))).all()
    await used.dispose()
    assert stored == [{"id": str(id), "at": "2026-03-01T00:00:00Z"}, "no JSON"]


async def failure(url: str, statement: str) -> DBAPIError:
    """The error of a statement that waits for nothing."""
    used = engine.connect(url)
    try:
        async with used.begin() as connection:
            await connection.execute(sa.text(statement))
    except DBAPIError as error:
        return error
    finally:
        await used.dispose()
    raise AssertionError(f"{statement} did not fail")


async def test_a_file_that_is_locked_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "shop.db"
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 1)
    with sqlite3.connect(file) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        error = await failure(f"sqlite+aiosqlite:///{file}", "SELECT 1")
    other.close()
    assert "database is locked" in str(error)
    assert engine.is_unavailable(error)


async def test_a_folder_that_is_missing_makes_a_file_unavailable(tmp_path: Path) -> None:
    assert engine.is_unavailable(await failure(f"sqlite+aiosqlite:///{tmp_path}/gone/it.db", ""))


@pytest.mark.parametrize("statement", ["SELECT * FROM not_there", "SELECT ("])
async def test_a_wrong_statement_does_not_make_a_file_unavailable(
    tmp_path: Path, statement: str
) -> None:
    error = await failure(f"sqlite+aiosqlite:///{tmp_path}/it.db", statement)
    assert not engine.is_unavailable(error)
