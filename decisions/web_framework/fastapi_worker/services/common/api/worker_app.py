"""The application of a worker process: it runs jobs, and answers only health checks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata

from fastapi import FastAPI

from services.common.api import health, problems
from services.common.api.hardening import Hardening
from services.common.base import ServiceDefinition
from services.common.config import PROJECT, Settings, load_settings
from services.common.jobs.jobs import Jobs
from services.common.jobs.worker import working
from services.common.observability import logs
from services.common.observability.monitoring import Monitor


def create_worker_app(
    service: ServiceDefinition, jobs: Jobs, settings: Settings | None = None
) -> FastAPI:
    """Create the application; without `settings`, it loads them when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        known = app.state.settings = settings or load_settings()
        logs.configure(known)
        async with (
            service.open(known, Monitor(service.name)) as app.state.runtime,
            working(jobs, app.state.runtime),
        ):
            yield

    app = FastAPI(
        title=f"The worker of {service.name}",
        version=metadata.version(PROJECT),
        lifespan=lifespan,
        openapi_url=None,  # nobody calls it
        redirect_slashes=False,
    )
    problems.install(app)
    app.add_middleware(Hardening)
    app.include_router(health.router)
    return app
