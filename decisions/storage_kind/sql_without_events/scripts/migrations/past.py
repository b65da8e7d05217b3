"""Databases of services that used events before: their tables stay, and no event is left undelivered in them."""

from __future__ import annotations

import sqlalchemy as sa

MIGRATIONS = ("common_0001", "common_0002")
"""The migrations that created the tables for events; they are no longer part of the code."""
TABLES = ("outbox", "unhandled_events")
"""The tables in which events wait."""

versions = sa.table("alembic_version", sa.column("version_num"))


def forget_migrations(connection: sa.Connection) -> str:
    """Make Alembic forget the migrations, unless events still wait; then tell so."""
    existing = sa.inspect(connection).get_table_names()
    if "alembic_version" not in existing:
        return ""
    made = versions.c.version_num.in_(MIGRATIONS)
    if not connection.scalar(sa.select(sa.func.count()).select_from(versions).where(made)):
        return ""
    for name in TABLES:
        rows = sa.select(sa.func.count()).select_from(sa.table(name))
        if name in existing and (waiting := connection.scalar(rows)):
            return f"{waiting} rows wait in its {name}"
    connection.execute(sa.delete(versions).where(made))
    return ""
