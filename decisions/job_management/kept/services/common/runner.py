"""Jobs wait in the database of their service until they are done.

A job is a row that is written in the transaction of the change that asks for it, and that goes in the transaction which
stores what the job made. So neither is there without the other; a job may be begun twice, and what it stores is stored
once. A schedule is a row, too: it moves on to the next moment in the transaction that makes a job of this one, so that
each moment makes one job, however many look. Of moments that passed while nobody looked, the latest is made up for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import structlog

from services.common import job_rows, tracing
from services.common.errors import Missing, Outdated
from services.common.job_rows import Row
from services.common.jobs import Every, Job, Jobs
from services.common.models import Record
from services.common.runtime import Runtime
from services.common.storage import Connection
from services.common.utils import now

log = structlog.get_logger()

SCHEDULES = UUID("5b0c6d0e-7f5b-5c3e-9d60-6f0a4c1f2a77")
"""The namespace of the ids of schedules."""
SPARE = timedelta(seconds=10)
"""A lease is longer by this than a job may take, so that what it made can still be stored."""
LONGEST_PAUSE_S = 3600.0


@dataclass(frozen=True)
class Triggered:
    """A job that changes of a record ask for."""

    job: str
    on: tuple[str, ...]

    async def store(self, connection: Connection, runtime: Runtime, record: Record) -> None:
        """Let the job wait, in the transaction of the change."""
        given = {"record": record.model_dump(mode="json")}
        await job_rows.store.add(connection, job_rows.row(self.job, given, trace=tracing.current()))

    def take_up(self, runtime: Runtime, record: Record) -> None:
        """Nothing is begun here: whoever runs the jobs finds the row."""


class Worker:
    """Whoever runs the jobs of a service; there may be several at once."""

    def __init__(
        self,
        jobs: Jobs,
        runtime: Runtime,
        *,
        limit_s: float,
        tries: int,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.jobs = jobs
        self.runtime = runtime
        self.database = runtime.database
        self.limit_s = limit_s
        """How long one try may take."""
        self.tries = tries
        """How often a job is tried before it is set aside."""
        self.clock = clock

    async def keep_schedules(self) -> None:
        """Make the rows of the schedules those that the code asks for."""
        wanted = {self._id(job): (job, schedule) for job, schedule in self.jobs.timed}
        async with self.database.write() as connection:
            known = {row.id: row for row in await job_rows.schedules(connection)}
            for id, (job, schedule) in wanted.items():
                coming = schedule.next(self.clock())
                row = known.pop(id, None)
                if row is None:
                    new = job_rows.row(job.name, {}, id=id, due_at=coming, scheduled=True)
                    await job_rows.is_added(connection, new)
                elif row.due_at > self.clock() and row.due_at != coming:  # it has other times now
                    await job_rows.change(connection, row, due_at=coming)
            for row in known.values():
                await job_rows.end(connection, row)

    async def tick(self) -> bool:
        """Make a job of the moment of one schedule that is due; false if none is."""
        at = self.clock()
        async with self.database.write() as connection:
            row = await job_rows.due(connection, at, scheduled=True)
            if row is None:
                return False
            schedule = self._schedule(row.job)
            if schedule is None:
                await job_rows.end(connection, row)
                return True
            moment = {"due": schedule.last(at).isoformat()}
            await job_rows.store.add(connection, job_rows.row(row.job, moment, due_at=at))
            await job_rows.change(connection, row, due_at=schedule.next(at))
        return True

    async def take(self) -> Row | None:
        """Take a lease of the oldest job that is due; `None` if there is none."""
        at = self.clock()
        async with self.database.write() as connection:
            row = await job_rows.due(connection, at, scheduled=False)
            if row is None:
                return None
            expires = at + timedelta(seconds=self.limit_s) + SPARE
            return await job_rows.change(connection, row, due_at=expires, tries=row.tries + 1)

    async def work_off(self) -> int:
        """Run what is due, one after the other, until nothing is; give how many of them failed."""
        failed = 0
        while await self.tick():
            pass
        while row := await self.take():
            failed += not await self.run(row)
        return failed

    async def run(self, row: Row) -> bool:
        """Run a job that was taken; false if that failed."""
        try:
            if row.tries > self.tries:
                raise RuntimeError("whoever ran it ended before it did, each time")
            await self._perform(row)
        except asyncio.CancelledError:  # another need not wait until the lease expires
            async with self.database.write() as connection:
                await job_rows.change(connection, row, due_at=self.clock(), tries=row.tries - 1)
            raise
        except Exception as error:  # whatever it was, the jobs behind it go on
            await self._failed(row, error)
            return False
        return True

    async def _perform(self, row: Row) -> None:
        if row.job not in self.jobs.by_name:
            raise LookupError(f"{self.runtime.service} has no job {row.job}")
        async with asyncio.timeout(self.limit_s):
            work = await self.jobs.perform(
                row.job, row.id, _given(row.content), self.runtime, row.trace
            )
        async with self.database.write() as connection:
            await job_rows.end(connection, row)
            await work.store(connection)
        work.take_up()

    async def _failed(self, row: Row, error: Exception) -> None:
        said = {"service": self.runtime.service, "job": row.job, "key": str(row.id)}
        try:
            async with self.database.write() as connection:
                if row.tries >= self.tries:
                    await job_rows.change(connection, row, rejected=repr(error)[:1000])
                    log.error("job set aside", **said, tries=row.tries, error=repr(error))
                else:
                    pause_s = min(2.0**row.tries, LONGEST_PAUSE_S)
                    due_at = self.clock() + timedelta(seconds=pause_s)
                    await job_rows.change(connection, row, due_at=due_at)
                    log.warning("job failed", **said, retry_s=pause_s, error=repr(error))
        except (Missing, Outdated):
            log.warning("job taken over", **said)  # it took longer than its lease

    def _schedule(self, job: str) -> Every | None:
        known = self.jobs.by_name.get(job)
        return known.schedule if known else None

    def _id(self, job: Job) -> UUID:
        return uuid5(SCHEDULES, f"{self.runtime.service}.{job.name}")


def _given(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a job is given, of the JSON in its row."""
    if "due" in content:
        return {"due": datetime.fromisoformat(content["due"])}
    return dict(content)
