"""Jobs run in the process of their service, beside its requests. What has not ended when it ends is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from fastapi import APIRouter

from services.common import tracing
from services.common.config import Settings
from services.common.jobs import Jobs
from services.common.models import Record
from services.common.runtime import Runtime
from services.common.storage import Connection, Database
from services.common.utils import in_background, new_id, now, stop

log = structlog.get_logger()

LONGEST_SLEEP_S = 30.0
"""The clock may be set anew, and a machine may sleep: it is looked at again after so long."""


class Crew:
    """The jobs of one service that are under way or wait for a place."""

    def __init__(
        self,
        jobs: Jobs,
        runtime: Runtime,
        settings: Settings,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.jobs = jobs
        self.runtime = runtime
        self.patience_s = settings.jobs_end_within_s
        self.clock = clock
        self._places = asyncio.Semaphore(settings.jobs_at_once)
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, name: str, given: Mapping[str, Any]) -> None:
        """Run a job beside whatever else goes on, as soon as there is a place for it."""
        task = asyncio.create_task(self._do(name, given, tracing.current()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, name: str, given: Mapping[str, Any], trace: str | None) -> None:
        async with self._places:
            try:
                work = await self.jobs.perform(name, new_id(), given, self.runtime, trace)
                async with self.runtime.database.write() as connection:
                    await work.store(connection)
                work.take_up()
            except Exception as error:  # whatever it was, the service goes on
                log.error("job failed", service=self.runtime.service, job=name, error=repr(error))

    def begin_due(self, since: datetime, at: datetime) -> None:
        """Begin each job that was due after `since` and up to `at`, once: for the latest of its moments."""
        for job, schedule in self.jobs.timed:
            if (due := schedule.last(at)) > since:
                self.begin(job.name, {"due": due})

    async def keep_time(self) -> None:
        """Begin jobs when they are due, for as long as the service runs."""
        seen = self.clock()
        while coming := [schedule.next(seen) for _, schedule in self.jobs.timed]:
            pause = (min(coming) - self.clock()).total_seconds()
            await asyncio.sleep(min(max(pause, 0.0), LONGEST_SLEEP_S))
            if (at := self.clock()) >= min(coming):
                self.begin_due(seen, at)
                seen = at

    async def end(self) -> None:
        """Wait for what is under way, for a time; what has not ended then is lost, and told."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self.patience_s)
        if lost := tuple(self._tasks):
            log.error("jobs lost", service=self.runtime.service, count=len(lost))
            await stop(lost)
            await asyncio.gather(*lost, return_exceptions=True)


crews: WeakKeyDictionary[Database, Crew] = WeakKeyDictionary()
"""By the database of the service that runs: services may share a process."""


@dataclass(frozen=True)
class Triggered:
    """A job that changes of a record ask for."""

    job: str
    on: tuple[str, ...]

    async def store(self, connection: Connection, runtime: Runtime, record: Record) -> None:
        """Nothing is kept: the job is begun once the change is committed."""

    def take_up(self, runtime: Runtime, record: Record) -> None:
        """Begin the job."""
        crews[runtime.database].begin(self.job, {"record": record.model_dump(mode="json")})


@dataclass(frozen=True)
class Beside:
    """The part of a service that runs its jobs."""

    jobs: Jobs

    def routes(self) -> APIRouter:
        """Nobody asks it for anything."""
        return APIRouter()

    @asynccontextmanager
    async def running(self, runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
        """Run jobs for the duration of a `with` block, and end those that are under way."""
        crew = crews[runtime.database] = Crew(self.jobs, runtime, settings)
        try:
            async with in_background(crew.keep_time()):
                yield
        finally:
            await crew.end()
