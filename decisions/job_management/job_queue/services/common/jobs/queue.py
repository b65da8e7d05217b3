"""The job queue: a table in the database of each service with jobs.

A runner takes a lease on a job: until it expires, no other runner takes the row. A row changes and goes only at the version
that its lease gave it, so that a runner that was too slow notices before anything is stored twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.common.db.columns import InstantColumn, record_columns
from services.common.db.database import Connection
from services.common.db.repository import Repository
from services.common.models import Instant, Record, next_version
from services.common.utils import new_id, now


class QueuedJob(Record):
    """A job that waits or runs, or the schedule of a job."""

    job: str
    due_at: Instant
    """When it may be taken; while it runs, when its lease expires."""
    content: dict[str, Any]
    """The payload of the job, as JSON."""
    scheduled: bool
    """Whether it is the schedule of the job, whose next time is `due_at`."""
    tries: int
    trace: str | None
    """The trace of what triggered it."""
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
repository = Repository(QueuedJob, job_queue)


def new(
    job: str,
    content: dict[str, Any],
    *,
    id: UUID | None = None,
    due_at: datetime | None = None,
    scheduled: bool = False,
    trace: str | None = None,
) -> QueuedJob:
    """A job that nobody has taken yet; it is due at once unless `due_at` says otherwise."""
    at = now()
    return QueuedJob(
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


async def next_due(connection: Connection, at: datetime, *, scheduled: bool) -> QueuedJob | None:
    """Read and lock the oldest row that is due.

    Where a database locks rows, those that others have locked are skipped; elsewhere one transaction writes at a time.
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
    return QueuedJob.model_validate(found._mapping) if found else None


async def update(connection: Connection, current: QueuedJob, **values: Any) -> QueuedJob:
    """Change a row; raises `VersionConflict` if somebody else changed it, `NotFound` if it is gone."""
    changed = next_version(current, **values)
    await repository.update(connection, changed, current.version)
    return changed


async def remove(connection: Connection, current: QueuedJob) -> None:
    """Delete a row; raises `VersionConflict` if somebody else changed it, `NotFound` if it is gone."""
    await repository.delete(connection, current.id, current.version)


async def add_once(connection: Connection, job: QueuedJob) -> bool:
    """Insert a row unless one with its id exists; tell whether it was inserted."""
    try:
        async with connection.begin_nested():
            await repository.insert(connection, job)
    except IntegrityError:
        return False
    return True


async def schedules(connection: Connection) -> list[QueuedJob]:
    """Read the rows of all schedules."""
    query = sa.select(job_queue).where(job_queue.c.scheduled.is_(True))
    return [QueuedJob.model_validate(it._mapping) for it in await connection.execute(query)]
