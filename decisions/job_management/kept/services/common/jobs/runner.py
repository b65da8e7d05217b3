"""Jobs are queued in the database of their service until they are done.

A job is a row that is inserted in the transaction of the change that triggers it, and deleted in the transaction that
stores its results: a job may start twice, but its results are stored once. A schedule is a row, too: it advances in the
transaction that queues the job for its time, so that each time is run once, however many runners there are. Of the times
that pass while none runs, the latest is made up for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import structlog

from services.common.db.database import Connection
from services.common.errors import NotFound, VersionConflict
from services.common.jobs import queue
from services.common.jobs.jobs import Job, Jobs, Schedule
from services.common.jobs.queue import QueuedJob
from services.common.models import Record
from services.common.observability import tracing
from services.common.runtime import Runtime
from services.common.transaction import Operation, Records
from services.common.utils import now

log = structlog.get_logger()

SCHEDULES = UUID("5b0c6d0e-7f5b-5c3e-9d60-6f0a4c1f2a77")
"""The namespace of the ids of schedules."""
LEASE_MARGIN = timedelta(seconds=10)
"""How much longer a lease is than a job may take, so that its results can still be stored."""
MAX_PAUSE_S = 3600.0


@dataclass(frozen=True)
class JobTrigger:
    """A job that changes of a record start. Implements `transaction.Effect`."""

    job: str
    on: tuple[Operation, ...]

    async def store(self, connection: Connection, runtime: Runtime, record: Record) -> None:
        """Queue the job."""
        payload = {"record": record.model_dump(mode="json")}
        trace = tracing.current_traceparent()
        await queue.repository.insert(connection, queue.new(self.job, payload, trace=trace))

    def after_commit(self, runtime: Runtime, record: Record) -> None:
        """Nothing starts here: a runner finds the row."""


class JobRunner:
    """Runs queued jobs of a service; there may be several runners, in any number of processes."""

    def __init__(
        self,
        jobs: Jobs,
        runtime: Runtime,
        *,
        timeout_s: float,
        max_tries: int,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.jobs = jobs
        self.runtime = runtime
        self.database = runtime.database
        self.timeout_s = timeout_s
        """How long one try may take."""
        self.max_tries = max_tries
        """How often a job is tried before it is set aside."""
        self.clock = clock

    async def sync_schedules(self) -> None:
        """Make the rows of the schedules those that the code declares."""
        wanted = {self._id(job): (job, schedule) for job, schedule in self.jobs.scheduled}
        async with self.database.write() as connection:
            known = {row.id: row for row in await queue.schedules(connection)}
            for id, (job, schedule) in wanted.items():
                coming = schedule.next(self.clock())
                row = known.pop(id, None)
                if row is None:
                    new = queue.new(job.name, {}, id=id, due_at=coming, scheduled=True)
                    await queue.add_once(connection, new)
                elif row.due_at > self.clock() and row.due_at != coming:  # its times were changed
                    await queue.update(connection, row, due_at=coming)
            for row in known.values():
                await queue.remove(connection, row)

    async def enqueue_due(self) -> bool:
        """Queue the job of one schedule that is due; false if none is."""
        at = self.clock()
        async with self.database.write() as connection:
            row = await queue.next_due(connection, at, scheduled=True)
            if row is None:
                return False
            schedule = self._schedule(row.job)
            if schedule is None:
                await queue.remove(connection, row)
                return True
            payload = {"due": schedule.latest(at).isoformat()}
            await queue.repository.insert(connection, queue.new(row.job, payload, due_at=at))
            await queue.update(connection, row, due_at=schedule.next(at))
        return True

    async def lease(self) -> QueuedJob | None:
        """Lease the oldest job that is due; None if there is none."""
        at = self.clock()
        async with self.database.write() as connection:
            row = await queue.next_due(connection, at, scheduled=False)
            if row is None:
                return None
            expires = at + timedelta(seconds=self.timeout_s) + LEASE_MARGIN
            return await queue.update(connection, row, due_at=expires, tries=row.tries + 1)

    async def drain(self) -> int:
        """Run due jobs, one after the other, until none is left; return how many failed."""
        failed = 0
        while await self.enqueue_due():
            pass
        while row := await self.lease():
            failed += not await self.run(row)
        return failed

    async def run(self, row: QueuedJob) -> bool:
        """Run a leased job; false if it failed."""
        try:
            if row.tries > self.max_tries:
                raise RuntimeError("its runner ended before it did, each time")
            await self._try(row)
        except asyncio.CancelledError:  # the next runner need not wait until the lease expires
            async with self.database.write() as connection:
                await queue.update(connection, row, due_at=self.clock(), tries=row.tries - 1)
            raise
        except Exception as error:  # any failure: the next jobs go on
            await self._failed(row, error)
            return False
        return True

    async def _try(self, row: QueuedJob) -> None:
        if row.job not in self.jobs.by_name:
            raise LookupError(f"{self.runtime.service} has no job {row.job}")
        async with asyncio.timeout(self.timeout_s):
            result = await self.jobs.run(
                row.job, row.id, _payload(row.content), self.runtime, row.trace
            )
        async with Records(self.runtime).begin() as transaction:
            await queue.remove(transaction.connection, row)
            await result.store(transaction)

    async def _failed(self, row: QueuedJob, error: Exception) -> None:
        context = {"service": self.runtime.service, "job": row.job, "key": str(row.id)}
        try:
            async with self.database.write() as connection:
                if row.tries >= self.max_tries:
                    await queue.update(connection, row, rejected=repr(error)[:1000])
                    log.error("job_set_aside", **context, tries=row.tries, error=repr(error))
                else:
                    pause_s = min(2.0**row.tries, MAX_PAUSE_S)
                    due_at = self.clock() + timedelta(seconds=pause_s)
                    await queue.update(connection, row, due_at=due_at)
                    log.warning("job_failed", **context, retry_s=pause_s, error=repr(error))
        except (NotFound, VersionConflict):
            log.warning("job_taken_over", **context)  # it took longer than its lease

    def _schedule(self, job: str) -> Schedule | None:
        known = self.jobs.by_name.get(job)
        return known.schedule if known else None

    def _id(self, job: Job[Any]) -> UUID:
        return uuid5(SCHEDULES, f"{self.runtime.service}.{job.name}")


def _payload(content: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a job, from the JSON in its row."""
    if "due" in content:
        return {"due": datetime.fromisoformat(content["due"])}
    return dict(content)
