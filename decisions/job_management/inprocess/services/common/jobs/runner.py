"""Jobs run in the process of their service, alongside its requests; when it ends, unfinished ones are lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import structlog

from services.common.api.endpoint import Endpoint
from services.common.background import cancel_all, in_background
from services.common.config import Settings
from services.common.db.database import Connection, Database
from services.common.jobs.jobs import Jobs
from services.common.models import Record
from services.common.observability import tracing
from services.common.runtime import Runtime
from services.common.transaction import Operation, Records
from services.common.utils import new_id, now

log = structlog.get_logger()

MAX_SLEEP_S = 30.0
"""The clock may be set, and a machine may be suspended, so the time is checked at least this often."""


class JobRunner:
    """Runs the jobs of one service, a limited number at once."""

    def __init__(
        self,
        jobs: Jobs,
        runtime: Runtime,
        settings: Settings,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.jobs = jobs
        self.runtime = runtime
        self.shutdown_timeout_s = settings.job_shutdown_timeout_s
        self.clock = clock
        self._slots = asyncio.Semaphore(settings.jobs_at_once)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        """Run a job in the background as soon as there is a slot."""
        task = asyncio.create_task(self._run(name, payload, tracing.current_traceparent()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, name: str, payload: Mapping[str, Any], traceparent: str | None) -> None:
        async with self._slots:
            try:
                result = await self.jobs.run(name, new_id(), payload, self.runtime, traceparent)
                async with Records(self.runtime).begin() as transaction:
                    await result.store(transaction)
            except Exception as error:  # any failure: the service goes on
                log.error("job_failed", service=self.runtime.service, job=name, error=repr(error))

    def start_due(self, since: datetime, at: datetime) -> None:
        """Start each job that became due after `since` and up to `at`, once: for the latest time."""
        for job, schedule in self.jobs.scheduled:
            if (due := schedule.latest(at)) > since:
                self.start(job.name, {"due": due})

    async def follow_schedules(self) -> None:
        """Start jobs when they are due, for as long as the service runs."""
        seen = self.clock()
        while coming := [schedule.next(seen) for _, schedule in self.jobs.scheduled]:
            pause = (min(coming) - self.clock()).total_seconds()
            await asyncio.sleep(min(max(pause, 0.0), MAX_SLEEP_S))
            if (at := self.clock()) >= min(coming):
                self.start_due(seen, at)
                seen = at

    async def shut_down(self) -> None:
        """Wait for running jobs until the timeout; what is unfinished then is lost, and logged."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self.shutdown_timeout_s)
        if lost := tuple(self._tasks):
            log.error("jobs_lost", service=self.runtime.service, count=len(lost))
            await cancel_all(lost)
            await asyncio.gather(*lost, return_exceptions=True)


runners: WeakKeyDictionary[Database, JobRunner] = WeakKeyDictionary()
"""By the database of the service: several services may share a process."""


@dataclass(frozen=True)
class JobTrigger:
    """A job that changes of a record start. Implements `transaction.Effect`."""

    job: str
    on: tuple[Operation, ...]

    async def store(self, connection: Connection, runtime: Runtime, record: Record) -> None:
        """Nothing is stored."""

    def after_commit(self, runtime: Runtime, record: Record) -> None:
        """Start the job."""
        runners[runtime.database].start(self.job, {"record": record.model_dump(mode="json")})


@dataclass(frozen=True)
class JobComponent:
    """The component of a service that runs its jobs. Implements `base.Component`."""

    jobs: Jobs

    def endpoints(self) -> Sequence[Endpoint]:
        """It answers nothing."""
        return ()

    @asynccontextmanager
    async def lifespan(self, runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
        """Run jobs for the duration of a `with` block, and finish those that are running."""
        runner = runners[runtime.database] = JobRunner(self.jobs, runtime, settings)
        try:
            async with in_background(runner.follow_schedules()):
                yield
        finally:
            await runner.shut_down()
