"""The table of jobs that wait, and all that is asked of it.

Whoever runs a job takes a lease: until that expires, nobody else takes the row. A row changes and goes only at the
version that its lease gave it, so that whoever was too slow finds out before anything is stored twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.common.models import Instant, Record, next_version
from services.common.storage import Connection, InstantColumn, Store, record_columns
from services.common.utils import new_id, now


class Row(Record):
    """A job that waits or is under way, or the schedule of a job."""

    job: str
    due_at: Instant
    """When it may be taken; while it is under way, when its lease expires."""
    content: dict[str, Any]
    """What the job is given, as JSON."""
    scheduled: bool
    """Whether it is the schedule of the job, whose next moment is `due_at`."""
    tries: int
    trace: str | None
    """The trace of what asked for it."""
    rejected: str | None
    """Why it is tried no more."""


def table(metadata: sa.MetaData) -> sa.Table:
    """The table, as each service with jobs has it."""
    return sa.Table(
        "job_queue",
        metadata,
        *record_columns(),
        sa.Column("job", sa.String(255), nullable=False),
        sa.Column("due_at", InstantColumn, nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("scheduled", sa.Boolean, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("trace", sa.String(255), nullable=True),
        sa.Column("rejected", sa.Text, nullable=True),
    )


job_queue = table(sa.MetaData())
store = Store(Row, job_queue)


def row(
    job: str,
    content: dict[str, Any],
    *,
    id: UUID | None = None,
    due_at: datetime | None = None,
    scheduled: bool = False,
    trace: str | None = None,
) -> Row:
    """A row as it begins; due at once unless said otherwise."""
    at = now()
    return Row(
        id=id or new_id(),
        version=1,
        created_at=at,
        updated_at=at,
        job=job,
        due_at=due_at or at,
        content=content,
        scheduled=scheduled,
        tries=0,
        trace=trace,
        rejected=None,
    )


async def due(connection: Connection, at: datetime, *, scheduled: bool) -> Row | None:
    """The oldest row that is due, held until the transaction ends.

    Where a database locks rows, those that others hold are passed over; elsewhere one transaction writes at a time.
    """
    query = (
        sa.select(job_queue)
        .where(
            job_queue.c.scheduled.is_(scheduled),
            job_queue.c.rejected.is_(None),
            job_queue.c.due_at <= at,
        )
        .order_by(job_queue.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = (await connection.execute(query)).one_or_none()
    return Row.model_validate(found._mapping) if found else None


async def change(connection: Connection, current: Row, **values: Any) -> Row:
    """Give a row other values; raises `Outdated` if somebody else changed it, `Missing` if it is gone."""
    changed = next_version(current, **values)
    await store.replace(connection, changed, current.version)
    return changed


async def end(connection: Connection, current: Row) -> None:
    """Take a row out; raises `Outdated` if somebody else changed it, `Missing` if it is gone."""
    await store.delete(connection, current.id, current.version)


async def is_added(connection: Connection, new: Row) -> bool:
    """Put a row in unless one with its id is there; false if it was."""
    try:
        async with connection.begin_nested():
            await store.add(connection, new)
    except IntegrityError:
        return False
    return True


async def schedules(connection: Connection) -> list[Row]:
    """The rows of all schedules."""
    query = sa.select(job_queue).where(job_queue.c.scheduled.is_(True))
    return [Row.model_validate(it._mapping) for it in await connection.execute(query)]
