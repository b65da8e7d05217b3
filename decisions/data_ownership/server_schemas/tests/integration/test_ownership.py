"""Each service has a schema that no other service changes, and that is created if it is missing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError

from services.common.db import readers
from services.common.db.database import Database
from services.common.db.ownership import SchemaUnavailable, connected, prepare, run
from tests.fixtures.databases import databases
from tests.fixtures.facts import DATABASES
from tests.fixtures.system import System

FOREIGN = """
    SELECT format('%I.%I', nspname, relname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname NOT LIKE 'pg_%' AND nspname <> 'information_schema' AND relkind = 'r'
        AND relowner <> current_user::regrole
"""
OWN = "SELECT count(*) FROM pg_tables WHERE tableowner = current_user AND schemaname = current_user"


@pytest.fixture
async def urls(tmp_path: Path) -> AsyncIterator[list[str]]:
    """The URLs of two services whose roles and schemas do not exist yet."""
    async with databases(["one", "other"], tmp_path) as urls:
        yield list(urls.values())


@pytest.fixture
async def databases_with_tables(urls: list[str]) -> AsyncIterator[list[Database]]:
    """The databases of both, with a table of the same name and a row in it."""
    found = [Database(url) for url in urls]
    for url, database in zip(urls, found, strict=True):
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
        "INSERT INTO {}.things VALUES (2)",
        "UPDATE {}.things SET number = 2",
        "DELETE FROM {}.things",
        "DROP TABLE {}.things",
        "ALTER TABLE {}.things ADD COLUMN mine INTEGER",
        "CREATE TABLE {}.mine (number INTEGER)",
        "DROP SCHEMA {} CASCADE",
    ],
)
async def test_a_service_may_not_change_the_tables_of_another(
    databases_with_tables: list[Database], statement: str
) -> None:
    one, other = databases_with_tables
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        async with one.write() as connection:
            await connection.execute(text(statement.format(role(other.url))))
    async with other.write() as connection:
        await connection.execute(text("UPDATE things SET number = number + 1"))
        assert (await connection.scalars(text("SELECT number FROM things"))).all() == [2]
    async with one.read() as connection:
        assert (await connection.scalars(text("SELECT number FROM things"))).all() == [1]


@pytest.mark.parametrize("others_read", [True, False])
async def test_others_may_read_exactly_while_it_is_granted(
    databases_with_tables: list[Database],
    urls: list[str],
    monkeypatch: pytest.MonkeyPatch,
    others_read: bool,
) -> None:
    (one, other), schema = databases_with_tables, role(urls[1])
    joined = text(f"SELECT count(*) FROM things JOIN {schema}.things AS its USING (number)")
    later = text(f"SELECT count(*) FROM {schema}.later")
    for granted in (others_read, not others_read, others_read):
        monkeypatch.setattr(readers, "OTHERS_READ", granted)
        await asyncio.gather(*(prepare(url) for url in [*urls, *urls]))
    async with other.write() as connection:
        await connection.execute(text("CREATE TABLE later AS SELECT 1 AS number"))
    for query in (joined, later):
        async with one.read() as connection:
            if others_read:
                assert await connection.scalar(query) == 1
            else:
                with pytest.raises(ProgrammingError, match="permission denied"):
                    await connection.scalar(query)


@pytest.mark.parametrize("service", DATABASES)
async def test_every_service_owns_its_tables_and_reads_others_only_if_granted(
    system: System, service: str
) -> None:
    async with system.runtime(service).database.read() as connection:
        assert await connection.scalar(text(OWN))
        foreign = list(await connection.scalars(text(FOREIGN)))
    read = []
    for table in foreign:
        with suppress(ProgrammingError):
            async with system.runtime(service).database.read() as connection:
                await connection.execute(text(f"SELECT 1 FROM {table}"))
                read.append(table)
    assert read == (foreign if readers.OTHERS_READ else [])
    assert (foreign == []) == (len(DATABASES) == 1)


async def test_concurrent_migrations_create_what_is_missing_once(
    urls: list[str],
) -> None:
    await asyncio.gather(*(prepare(url) for url in [*urls, *urls]))


async def test_the_admin_is_not_needed_if_nothing_is_missing(
    urls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in urls:
        await prepare(url)
    monkeypatch.setenv("DATABASE_ADMIN_URL", "postgresql+asyncpg://nobody@127.0.0.1:1/nowhere")
    for url in urls:
        await prepare(url)


async def test_an_admin_that_may_not_create_what_is_missing_is_reported(
    urls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = urls
    await prepare(one)
    monkeypatch.setenv("DATABASE_ADMIN_URL", one)
    with pytest.raises(
        SchemaUnavailable, match=r".+; the user in DATABASE_ADMIN_URL cannot .+ denied"
    ):
        await prepare(other)


async def test_without_an_admin_what_is_missing_is_reported(
    urls: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # away from `.env`
    monkeypatch.delenv("DATABASE_ADMIN_URL")
    with pytest.raises(
        SchemaUnavailable, match=r".+; set DATABASE_ADMIN_URL to a user who can create it"
    ):
        await prepare(urls[0])


async def test_a_url_without_a_role_is_refused() -> None:
    with pytest.raises(SchemaUnavailable, match="names no role"):
        await prepare("postgresql+asyncpg://127.0.0.1:5432/shop")


async def test_only_the_owner_of_a_schema_says_who_reads_it(
    urls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make_url(urls[0])
    await prepare(urls[0])
    admin = make_url(os.environ["DATABASE_ADMIN_URL"]).set(database=one.database)
    async with connected(admin) as inside:
        await run(inside, "ALTER SCHEMA %I OWNER TO CURRENT_USER", one.username or "")
        await run(inside, "GRANT ALL ON SCHEMA %1$I TO %1$I", one.username or "")
    monkeypatch.setattr(readers, "OTHERS_READ", not readers.OTHERS_READ)
    with pytest.raises(SchemaUnavailable, match="only the owner of schema"):
        await prepare(urls[0])
