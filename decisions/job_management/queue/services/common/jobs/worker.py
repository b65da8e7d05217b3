"""A process that runs the jobs of a service: any number of them, on any machines that reach the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from services.common.background import in_background
from services.common.jobs.jobs import Jobs
from services.common.jobs.runner import JobRunner
from services.common.runtime import Runtime

log = structlog.get_logger()


@asynccontextmanager
async def working(jobs: Jobs, runtime: Runtime) -> AsyncIterator[None]:
    """Run jobs for the duration of a `with` block; another worker resumes what is unfinished then."""
    settings = runtime.settings
    runner = JobRunner(
        jobs, runtime, timeout_s=settings.jobs_time_limit_s, max_tries=settings.jobs_max_tries
    )
    async with AsyncExitStack() as stack:
        for _ in range(settings.jobs_at_once):
            await stack.enter_async_context(in_background(_poll(runner, settings.jobs_poll_s)))
        yield


async def _poll(runner: JobRunner, interval_s: float) -> None:
    """Look for jobs at intervals; any failure is logged, and the next attempt follows."""
    synced = False
    while True:
        try:
            if not synced:
                await runner.sync_schedules()
                synced = True
            await runner.drain()
        except Exception as error:
            log.warning("job_polling_failed", service=runner.runtime.service, error=repr(error))
        await asyncio.sleep(interval_s)
