"""A schema for each service, in one database: each logs in as a role that owns the schema of the same name.

That schema is where PostgreSQL looks for tables by default, so no query names it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import URL, func, make_url, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.common.config import MigrationSettings
from services.common.db import readers

LOCK = 7_305_421
"""The advisory lock under which databases and roles are created, so that two processes do not create the same."""

ROLE_EXISTS = "SELECT true FROM pg_roles WHERE rolname = $1"
ADMIN_ACTS_FOR_ROLE = "SELECT pg_has_role($1, 'USAGE')"
DATABASE_EXISTS = "SELECT true FROM pg_database WHERE datname = $1"
ROLE_MAY_CONNECT = "SELECT has_database_privilege($1, $2, 'CONNECT')"
OTHERS_MAY_READ = "SELECT has_schema_privilege('public', $1, 'USAGE')"
"""Asked before something is created: a role that may not create it can use it if it exists."""

GRANT_READING = (
    "GRANT SELECT ON ALL TABLES IN SCHEMA %I TO PUBLIC",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO PUBLIC",
    "GRANT USAGE ON SCHEMA %I TO PUBLIC",
)
REVOKE_READING = (
    "REVOKE SELECT ON ALL TABLES IN SCHEMA %I FROM PUBLIC",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE SELECT ON TABLES FROM PUBLIC",
    "REVOKE USAGE ON SCHEMA %I FROM PUBLIC",
)
"""`OTHERS_MAY_READ` asks for the last of each, so that all are repeated after an interruption."""


class SchemaUnavailable(OSError):
    """A service has no schema that it can use, and it cannot be created."""


async def prepare(url: str) -> None:
    """Create the database, the role and the schema of a service, unless it can use its schema already.

    Raises:
        SchemaUnavailable: `DATABASE_ADMIN_URL` may not create them, or the role has another password.
        OSError: The server does not answer.
    """
    service = make_url(url)
    if not (service.username and service.database):
        raise SchemaUnavailable("its URL names no role, or no database")
    if problem := await find_problem(service):
        admin = MigrationSettings().database_admin_url
        if admin is None:
            raise SchemaUnavailable(
                f"{problem}; set DATABASE_ADMIN_URL to a user who can create it"
            )
        try:
            await create(service, make_url(admin.get_secret_value()))
        except (OSError, SQLAlchemyError) as error:
            why = f"{problem}; the user in DATABASE_ADMIN_URL cannot create it: {one_line(error)}"
            raise SchemaUnavailable(why) from error
        if problem := await find_problem(service):
            raise SchemaUnavailable(problem)
    await set_readers(service)


async def find_problem(service: URL) -> str:
    """Why a service cannot use its schema; empty if it can."""
    try:
        async with connected(service) as connection:
            found = await connection.scalar(select(func.current_schema()))
    except DBAPIError as error:
        return one_line(error)
    return "" if found == service.username else f"there is no schema {service.username} for it"


async def create(service: URL, admin: URL) -> None:
    """Create what is missing, as `admin`; nobody but the services may connect to the database."""
    role, database = str(service.username), str(service.database)
    async with connected(admin) as server:
        await server.execute(select(func.pg_advisory_lock(LOCK)))
        if not await ask(server, ROLE_EXISTS, role):
            await run(server, "CREATE ROLE %I LOGIN PASSWORD %L", role, service.password or "")
        if not await ask(server, ADMIN_ACTS_FOR_ROLE, role):  # needed to give it a schema
            await run(server, "GRANT %I TO CURRENT_USER", role)
        if not await ask(server, DATABASE_EXISTS, database):
            await run(server, "CREATE DATABASE %I", database)
            await run(server, "REVOKE ALL ON DATABASE %I FROM PUBLIC", database)
            async with connected(admin.set(database=database)) as inside:
                await run(inside, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
        if not await ask(server, ROLE_MAY_CONNECT, role, database):
            await run(server, "GRANT CONNECT ON DATABASE %I TO %I", database, role)
        async with connected(admin.set(database=database)) as inside:
            await run(inside, "CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I", role, role)


async def set_readers(service: URL) -> None:
    """Grant the other roles of the database to read the tables of a service, or revoke it, as its owner.

    Raises:
        SchemaUnavailable: Another role owns the schema.
    """
    schema = str(service.username)
    async with connected(service) as connection:
        if await ask(connection, OTHERS_MAY_READ, schema) == readers.OTHERS_READ:
            return
        await connection.execute(select(func.pg_advisory_lock(LOCK)))
        for statement in GRANT_READING if readers.OTHERS_READ else REVOKE_READING:
            await run(connection, statement, schema)
        if await ask(connection, OTHERS_MAY_READ, schema) != readers.OTHERS_READ:
            raise SchemaUnavailable(f"only the owner of schema {schema} can say who else reads it")


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator[AsyncConnection]:
    """A connection on which each statement is a transaction: CREATE DATABASE runs in no other."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def ask(connection: AsyncConnection, question: str, *names: str) -> bool:
    """The answer of the server to a question about these names."""
    answer = await connection.exec_driver_sql(question, names)
    return answer.scalar() is True


async def run(connection: AsyncConnection, statement: str, *values: str) -> None:
    """Run a statement; the server itself quotes the values in it."""
    quoted = await connection.scalar(select(func.format(statement, *values)))
    await connection.exec_driver_sql(str(quoted))


def one_line(error: Exception) -> str:
    """The message of the server, in one line."""
    return str(getattr(error, "orig", error)).partition("\n")[0]
