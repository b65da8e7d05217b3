"""The base of every service: its life from start to stop, health, errors and middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import metadata
from typing import Protocol

import httpx2
from fastapi import APIRouter, Depends, FastAPI
from sqlalchemy.exc import SQLAlchemyError

from services.common import carrier as installed_carrier
from services.common import errors, logs
from services.common import monitoring as installed_monitoring
from services.common.clients import Client
from services.common.config import PROJECT, Settings, load_settings
from services.common.consumers import Consumer
from services.common.errors import Away, problems
from services.common.messaging import Relay, outbox
from services.common.runtime import Runtime, RuntimeDep
from services.common.security import AS_SERVICE, identify, only_services
from services.common.shares import share
from services.common.storage import Database
from services.common.telemetry import RequestLog
from services.common.transport import open_client
from services.common.versions import CHECKS


class Carrier(Protocol):
    """What a choice of delivery provides, in `carrier.py`: how events leave a service, and how they arrive."""

    def reached(self, subscribers: Sequence[str]) -> Sequence[str]:
        """The subscribers that a publisher must reach itself."""

    def relays(
        self,
        database: Database,
        subscribers: Sequence[str],
        clients: Mapping[str, Client],
        settings: Settings,
    ) -> tuple[Relay, ...]:
        """What empties the outbox of a service."""

    def routes(self, consumer: Consumer) -> APIRouter:
        """Where the events of others arrive, if they come as requests."""

    def listening(
        self, consumer: Consumer, runtime: Runtime, settings: Settings
    ) -> AbstractAsyncContextManager[None]:
        """Take the events of others, if they must be fetched, for the duration of a `with` block."""


class Monitoring(Protocol):
    """What a choice of monitoring provides, in `monitoring.py`; what crosses services is in `tracing.py`."""

    def install(self, app: FastAPI, service: str) -> None:
        """Watch the requests of a service, and answer whoever watches."""

    def running(self, service: str, settings: Settings) -> AbstractAsyncContextManager[None]:
        """Send away what was seen, for the duration of a `with` block."""


CARRIER: Carrier = installed_carrier
MONITORING: Monitoring = installed_monitoring


@dataclass(frozen=True)
class Service:
    """A service as data; `app()` makes the ASGI application that runs it."""

    name: str
    summary: str
    router: APIRouter
    internal: bool = False
    """Whether only the other services may call it."""
    calls: Sequence[str] = ()
    """The services that it reads from."""
    subscribers: Sequence[str] = ()
    """The services that its events go to."""
    apis: Sequence[str] = ()
    """The external APIs that its rules may use."""
    consumer: Consumer = field(default_factory=Consumer)

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
        app.include_router(CARRIER.routes(self.consumer))
        return app

    @asynccontextmanager
    async def _running(self, settings: Settings) -> AsyncIterator[Runtime]:
        as_service = {AS_SERVICE: settings.service_key.get_secret_value()}
        async with AsyncExitStack() as stack:

            async def client(name: str, http: httpx2.AsyncClient) -> Client:
                await stack.enter_async_context(http)
                return Client(name, http, settings.timeout_s(name), share(name, settings))

            await stack.enter_async_context(MONITORING.running(self.name, settings))
            database = Database(settings.database_url(self.name))
            stack.push_async_callback(database.close)
            clients = {
                name: await client(name, open_client(name, settings.url(name), as_service))
                for name in dict.fromkeys((*self.calls, *CARRIER.reached(self.subscribers)))
            }
            apis = {
                name: await client(name, _open_api(settings.url(name), settings.key_for(name)))
                for name in self.apis
            }
            relays = CARRIER.relays(database, self.subscribers, clients, settings)
            runtime = Runtime(self.name, database, clients, apis, relays)
            for relay in relays:
                await stack.enter_async_context(relay.running())
            await stack.enter_async_context(CARRIER.listening(self.consumer, runtime, settings))
            yield runtime


def _open_api(url: str, key: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"})


health = APIRouter(prefix="/health", tags=["health"])


@health.get("/live")
async def live() -> dict[str, str]:
    """Tell that the process runs; it says nothing of what it needs."""
    return {"status": "live"}


@health.get("/ready", responses=problems(503))
async def ready(runtime: RuntimeDep) -> dict[str, str]:
    """Tell that the service can answer, because its database does and was migrated."""
    try:
        await runtime.database.ping(outbox)
    except (SQLAlchemyError, OSError) as error:
        raise Away(f"The database of {runtime.service} is away or not migrated.") from error
    return {"status": "ready"}
