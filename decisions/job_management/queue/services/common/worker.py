"""The process that runs the jobs of a service: any number of it may, on any machines that reach the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import metadata

import structlog
from fastapi import FastAPI

from services.common import errors, logs
from services.common.base import Service, health
from services.common.config import PROJECT, Settings, load_settings
from services.common.jobs import Jobs
from services.common.runner import Worker
from services.common.runtime import Runtime
from services.common.utils import in_background

log = structlog.get_logger()


def application(service: Service, jobs: Jobs, settings: Settings | None = None) -> FastAPI:
    """A process that works for as long as it serves; it answers nothing but whether it is well."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.settings = settings or load_settings()
        logs.configure(app.state.settings)
        async with (
            service.opened(app.state.settings) as app.state.runtime,
            working(jobs, app.state.runtime, app.state.settings),
        ):
            yield

    app = FastAPI(
        title=f"The worker of {service.name}",
        version=metadata.version(PROJECT),
        lifespan=lifespan,
    )
    errors.install(app)
    app.include_router(health)
    return app


@asynccontextmanager
async def working(jobs: Jobs, runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Run jobs for the duration of a `with` block; what is under way then is taken up again by another."""
    worker = Worker(jobs, runtime, limit_s=settings.jobs_time_limit_s, tries=settings.jobs_tries)
    async with AsyncExitStack() as stack:
        for _ in range(settings.jobs_at_once):
            await stack.enter_async_context(in_background(_work(worker, settings.jobs_poll_s)))
        yield


async def _work(worker: Worker, poll_s: float) -> None:
    """Look for jobs again and again; whatever goes wrong with that, the next look is tried."""
    prepared = False
    while True:
        try:
            if not prepared:
                await worker.keep_schedules()
                prepared = True
            await worker.work_off()
        except Exception as error:
            log.warning("no look at the jobs", service=worker.runtime.service, error=repr(error))
        await asyncio.sleep(poll_s)
