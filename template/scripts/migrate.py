"""Bring the database of every service to the shape that its code expects: `uv run migrate [SERVICE …]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from services.common.config import load_settings
from services.common.storage import ENGINE
from scripts.processes import ROOT, service_names

RUNNER = Path(__file__).resolve().parent / "migrations"


def config_for(service: str, connection: Connection) -> Config:
    """Alembic's view of one service: the common versions and its own."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(RUNNER))
    config.set_main_option("path_separator", "newline")
    versions = (RUNNER / "versions", ROOT / "services" / service / "migrations")
    config.set_main_option("version_locations", "\n".join(map(str, versions)))
    return config


async def migrate(service: str, url: str) -> None:
    """Create the database of a service if need be, and apply the migrations that it lacks."""
    await ENGINE.prepare(url)
    engine = ENGINE.connect(url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(lambda it: command.upgrade(config_for(service, it), "heads"))
            await connection.commit()
    finally:
        await engine.dispose()


async def migrate_all(services: list[str]) -> None:
    """Migrate the services one after the other."""
    settings = load_settings()
    for service in services:
        await migrate(service, settings.database_url(service))
        print(f"migrated {service}")


def main() -> None:
    """Migrate the services that are named, or all."""
    known = service_names()
    asked = sys.argv[1:] or known
    if unknown := [name for name in asked if name not in known]:
        sys.exit(f"There is no service {', '.join(unknown)}; there are: {', '.join(known)}.")
    asyncio.run(migrate_all(asked))
