"""The base of every service: its life from start to stop, health, errors and middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Protocol

from fastapi import APIRouter, Depends, FastAPI

from services.common import errors, logs
from services.common import monitoring as installed_monitoring
from services.common.config import PROJECT, Settings, load_settings
from services.common.errors import Away, problems
from services.common.runtime import Runtime, RuntimeDep
from services.common.security import identify, only_services
from services.common.storage import Database
from services.common.telemetry import RequestLog
from services.common.versions import CHECKS


class Means(Protocol):
    """What the work of a service needs, whichever process does it."""

    def running(self, runtime: Runtime, settings: Settings) -> AbstractAsyncContextManager[None]:
        """Be there for the duration of a `with` block."""


class Part(Means, Protocol):
    """What the process of a service has beside its routes, and what goes on there by itself."""

    def routes(self) -> APIRouter:
        """What it answers."""


class Monitoring(Protocol):
    """What a choice of monitoring provides, in `monitoring.py`; what crosses services is in `tracing.py`."""

    def install(self, app: FastAPI, service: str) -> None:
        """Watch the requests of a service, and answer whoever watches."""

    def running(self, service: str, settings: Settings) -> AbstractAsyncContextManager[None]:
        """Send away what was seen, for the duration of a `with` block."""


MONITORING: Monitoring = installed_monitoring


@dataclass(frozen=True)
class Service:
    """A service as data; `app()` makes the ASGI application that runs it."""

    name: str
    summary: str
    router: APIRouter
    internal: bool = False
    """Whether only the other services may call it."""
    means: Sequence[Means] = ()
    parts: Sequence[Part] = ()

    def app(self, settings: Settings | None = None) -> FastAPI:
        """Make the application; without `settings`, it reads them when it starts."""

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            app.state.settings = settings or load_settings()
            logs.configure(app.state.settings)
            async with self._running(app.state.settings) as app.state.runtime:
                yield

        app = FastAPI(
            title=self.name,
            summary=self.summary,
            version=metadata.version(PROJECT),
            lifespan=lifespan,
            # Generated clients name their functions after these: `create_book`.
            generate_unique_id_function=lambda route: route.name,
        )
        errors.install(app)
        app.add_middleware(RequestLog, service=self.name)
        MONITORING.install(app, self.name)
        caller = only_services if self.internal else identify
        app.include_router(
            self.router, dependencies=[Depends(caller), *CHECKS], responses=problems(401, 503)
        )
        app.include_router(health)
        for part in self.parts:
            app.include_router(part.routes())
        return app

    @asynccontextmanager
    async def _running(self, settings: Settings) -> AsyncIterator[Runtime]:
        async with self.opened(settings) as runtime, AsyncExitStack() as stack:
            for part in self.parts:
                await stack.enter_async_context(part.running(runtime, settings))
            yield runtime

    @asynccontextmanager
    async def opened(self, settings: Settings) -> AsyncIterator[Runtime]:
        """What the service needs for its work, and nothing that goes on beside it."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(MONITORING.running(self.name, settings))
            database = Database(settings.database_url(self.name))
            stack.push_async_callback(database.close)
            runtime = Runtime(self.name, database)
            for means in self.means:
                await stack.enter_async_context(means.running(runtime, settings))
            yield runtime


health = APIRouter(prefix="/health", tags=["health"])


@health.get("/live")
async def live() -> dict[str, str]:
    """Tell that the process runs; it says nothing of what it needs."""
    return {"status": "live"}


@health.get("/ready", responses=problems(503))
async def ready(runtime: RuntimeDep) -> dict[str, str]:
    """Tell that the service can answer, because its database does and was migrated."""
    try:
        await runtime.database.ping()
    except (Away, OSError) as error:
        raise Away(f"The database of {runtime.service} is away or not migrated.") from error
    return {"status": "ready"}
