"""The base of every service: what it consists of, and its life from start to stop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from services.common.api.endpoint import Endpoint
from services.common.config import Settings
from services.common.db.database import Database
from services.common.entity_service import EntityService
from services.common.observability.monitoring import Monitor
from services.common.runtime import Runtime


class Resource(Protocol):
    """Something that a service needs for its work, open while a process of the service runs."""

    def lifespan(self, runtime: Runtime, settings: Settings) -> AbstractAsyncContextManager[None]:
        """Open it, and close it at the end of a `with` block."""


class Component(Resource, Protocol):
    """A part of a service other than its API: it may answer requests and work in the background."""

    def endpoints(self) -> Sequence[Endpoint]:
        """What it answers."""


@dataclass(frozen=True)
class ServiceDefinition:
    """A service as data, whichever process runs it."""

    name: str
    summary: str
    internal: bool = False
    """Whether only the other services may call it."""
    entities: Sequence[type[EntityService[Any, Any, Any]]] = ()
    """Its service layer: a class for each entity."""
    resources: Sequence[Resource] = ()
    components: Sequence[Component] = ()

    @asynccontextmanager
    async def lifespan(
        self, settings: Settings, monitor: Monitor | None = None
    ) -> AsyncIterator[Runtime]:
        """Run the whole service: its resources, and its components in the background."""
        async with self.open(settings, monitor) as runtime, AsyncExitStack() as stack:
            for component in self.components:
                await stack.enter_async_context(component.lifespan(runtime, settings))
            yield runtime

    @asynccontextmanager
    async def open(
        self, settings: Settings, monitor: Monitor | None = None
    ) -> AsyncIterator[Runtime]:
        """Open what the service needs for its work, without its components."""
        async with AsyncExitStack() as stack:
            monitor = monitor or Monitor(self.name)
            await stack.enter_async_context(monitor.lifespan(settings))
            database = Database(settings.database_url(self.name))
            stack.push_async_callback(database.close)
            runtime = Runtime(self.name, database, self.entities)
            for resource in self.resources:
                await stack.enter_async_context(resource.lifespan(runtime, settings))
            yield runtime
