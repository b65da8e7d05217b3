"""A schema for each service, in one database: each logs in as a role that owns the schema of its name.

PostgreSQL looks for tables in the schema that is called like the role, so that no query names one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import URL, func, make_url, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.common import readers
from services.common.config import Administration

LOCK = 7_305_421
"""Held by who makes databases and roles, so that another waits who would make the same."""

ROLE_IS_THERE = "SELECT true FROM pg_roles WHERE rolname = $1"
ADMIN_ACTS_FOR_ROLE = "SELECT pg_has_role($1, 'USAGE')"
DATABASE_IS_THERE = "SELECT true FROM pg_database WHERE datname = $1"
ROLE_MAY_CONNECT = "SELECT has_database_privilege($1, $2, 'CONNECT')"
OTHERS_MAY_READ = "SELECT has_schema_privilege('public', $1, 'USAGE')"
"""What is asked before something is made, since who may not make it may find it there."""

OPEN = (
    "GRANT SELECT ON ALL TABLES IN SCHEMA %I TO PUBLIC",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO PUBLIC",
    "GRANT USAGE ON SCHEMA %I TO PUBLIC",
)
CLOSE = (
    "REVOKE SELECT ON ALL TABLES IN SCHEMA %I FROM PUBLIC",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE SELECT ON TABLES FROM PUBLIC",
    "REVOKE USAGE ON SCHEMA %I FROM PUBLIC",
)
"""The last of each is what `OTHERS_MAY_READ` asks for, so that whoever was interrupted does all of it again."""


class Lacking(OSError):
    """A service has no schema that it could use, and nobody who is known here may make it."""


async def prepare(url: str) -> None:
    """Make the database, the role and the schema of a service, where it cannot use its schema yet.

    Raises:
        Lacking: Whoever `DATABASE_ADMIN_URL` names may not, or the role has another password.
        OSError: The server does not answer.
    """
    service = make_url(url)
    if not (service.username and service.database):
        raise Lacking("its URL names no role, or no database")
    if lacking := await missing(service):
        admin = Administration().database_admin_url
        if admin is None:
            raise Lacking(f"{lacking}; set DATABASE_ADMIN_URL to whoever can make it")
        try:
            await make(service, make_url(admin.get_secret_value()))
        except (OSError, SQLAlchemyError) as error:
            why = f"{lacking}; whoever DATABASE_ADMIN_URL names cannot make it: {said(error)}"
            raise Lacking(why) from error
        if lacking := await missing(service):
            raise Lacking(lacking)
    await settle_readers(service)


async def missing(service: URL) -> str:
    """What keeps a service from its schema; empty where nothing does."""
    try:
        async with connected(service) as connection:
            found = await connection.scalar(select(func.current_schema()))
    except DBAPIError as error:
        return said(error)
    return "" if found == service.username else f"there is no schema {service.username} for it"


async def make(service: URL, admin: URL) -> None:
    """Make what is not there, as `admin`; nobody but the services may connect to it."""
    role, database = str(service.username), str(service.database)
    async with connected(admin) as server:
        await server.execute(select(func.pg_advisory_lock(LOCK)))
        if not await is_so(server, ROLE_IS_THERE, role):
            await run(server, "CREATE ROLE %I LOGIN PASSWORD %L", role, service.password or "")
        if not await is_so(server, ADMIN_ACTS_FOR_ROLE, role):  # as who gives it a schema must
            await run(server, "GRANT %I TO CURRENT_USER", role)
        if not await is_so(server, DATABASE_IS_THERE, database):
            await run(server, "CREATE DATABASE %I", database)
            await run(server, "REVOKE ALL ON DATABASE %I FROM PUBLIC", database)
            async with connected(admin.set(database=database)) as inside:
                await run(inside, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
        if not await is_so(server, ROLE_MAY_CONNECT, role, database):
            await run(server, "GRANT CONNECT ON DATABASE %I TO %I", database, role)
        async with connected(admin.set(database=database)) as inside:
            await run(inside, "CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I", role, role)


async def settle_readers(service: URL) -> None:
    """Let the others of the database read what a service keeps, or no longer; that is its own to give.

    Raises:
        Lacking: The schema is somebody else's.
    """
    schema = str(service.username)
    async with connected(service) as connection:
        if await is_so(connection, OTHERS_MAY_READ, schema) == readers.OTHERS_READ:
            return
        await connection.execute(select(func.pg_advisory_lock(LOCK)))
        for statement in OPEN if readers.OTHERS_READ else CLOSE:
            await run(connection, statement, schema)
        if await is_so(connection, OTHERS_MAY_READ, schema) != readers.OTHERS_READ:
            raise Lacking(f"only the owner of schema {schema} can settle who else reads it")


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator[AsyncConnection]:
    """A connection on which each statement is a transaction: CREATE DATABASE runs in no other."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def is_so(connection: AsyncConnection, question: str, *words: str) -> bool:
    """What the server answers to a question about these words."""
    answer = await connection.exec_driver_sql(question, words)
    return answer.scalar() is True


async def run(connection: AsyncConnection, statement: str, *words: str) -> None:
    """Run a statement for which the server itself quotes the words."""
    quoted = await connection.scalar(select(func.format(statement, *words)))
    await connection.exec_driver_sql(str(quoted))


def said(error: Exception) -> str:
    """What the server says, in one line."""
    return str(getattr(error, "orig", error)).partition("\n")[0]
