"""Each service keeps its tables in a schema that no other reaches, and that is made where it is missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError

from services.common.ownership import Lacking, prepare
from services.common.storage import Database
from tests.fixtures.databases import databases
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import System

FOREIGN = """
    SELECT format('%I.%I', nspname, relname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname NOT LIKE 'pg_%' AND nspname <> 'information_schema' AND relkind = 'r'
        AND relowner <> current_user::regrole
"""
OWN = "SELECT count(*) FROM pg_tables WHERE tableowner = current_user AND schemaname = current_user"


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[list[str]]:
    """The URLs of two services that were not there before."""
    async with databases(["one", "other"], tmp_path) as urls:
        yield list(urls.values())


@pytest.fixture
async def things(two: list[str]) -> AsyncIterator[list[Database]]:
    """Both with a table of the same name, and a row in it."""
    found = [Database(url) for url in two]
    for url, database in zip(two, found, strict=True):
        await prepare(url)
        async with database.write() as connection:
            await connection.execute(text("CREATE TABLE things AS SELECT 1 AS number"))
    yield found
    for database in found:
        await database.close()


def role(url: str) -> str:
    return str(make_url(url).username)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM {}.things",
        "INSERT INTO {}.things VALUES (2)",
        "UPDATE {}.things SET number = 2",
        "DELETE FROM {}.things",
        "DROP TABLE {}.things",
        "ALTER TABLE {}.things ADD COLUMN mine INTEGER",
        "CREATE TABLE {}.mine (number INTEGER)",
        "DROP SCHEMA {} CASCADE",
    ],
)
async def test_the_server_refuses_a_service_the_tables_of_another(
    things: list[Database], statement: str
) -> None:
    one, other = things
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        async with one.write() as connection:
            await connection.execute(text(statement.format(role(other.url))))
    async with other.write() as connection:
        await connection.execute(text("UPDATE things SET number = number + 1"))
        assert (await connection.scalars(text("SELECT number FROM things"))).all() == [2]
    async with one.read() as connection:
        assert (await connection.scalars(text("SELECT number FROM things"))).all() == [1]


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_owns_its_tables_and_may_read_no_others(
    system: System, service: str
) -> None:
    async with system.runtime(service).database.read() as connection:
        assert await connection.scalar(text(OWN))
        foreign = list(await connection.scalars(text(FOREIGN)))
    for table in foreign:
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with system.runtime(service).database.read() as connection:
                await connection.execute(text(f"SELECT 1 FROM {table}"))
    assert (foreign == []) == (len(SERVICES) == 1)


async def test_what_is_missing_is_made_once_by_all_who_come_at_the_same_time(
    two: list[str],
) -> None:
    await asyncio.gather(*(prepare(url) for url in [*two, *two]))


async def test_nobody_else_is_asked_where_all_is_there(
    two: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in two:
        await prepare(url)
    monkeypatch.setenv("DATABASE_ADMIN_URL", "postgresql+asyncpg://nobody@127.0.0.1:1/nowhere")
    for url in two:
        await prepare(url)


async def test_who_may_not_make_what_is_missing_is_told_so(
    two: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    await prepare(one)
    monkeypatch.setenv("DATABASE_ADMIN_URL", one)
    with pytest.raises(Lacking, match=r".+; whoever DATABASE_ADMIN_URL names cannot .+ denied"):
        await prepare(other)


async def test_a_url_without_a_role_is_told_of() -> None:
    with pytest.raises(Lacking, match="names no role"):
        await prepare("postgresql+asyncpg://127.0.0.1:5432/shop")
