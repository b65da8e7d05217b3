"""Databases that kept events once: nothing of theirs is destroyed, and none of them is left waiting unseen."""

from __future__ import annotations

import sqlalchemy as sa

MIGRATION = "common_0001"
"""What made the tables of events; the code has it no longer."""

versions = sa.table("alembic_version", sa.column("version_num"))
outbox = sa.table("outbox", sa.column("position"))


def leave(connection: sa.Connection) -> str:
    """Let go of the tables of events, which stay as they are; or say why that cannot be yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    made = versions.c.version_num == MIGRATION
    if not connection.scalar(sa.select(sa.func.count()).select_from(versions).where(made)):
        return ""
    if waiting := connection.scalar(sa.select(sa.func.count()).select_from(outbox)):
        return f"{waiting} rows wait in its outbox"
    connection.execute(sa.delete(versions).where(made))
    return ""
