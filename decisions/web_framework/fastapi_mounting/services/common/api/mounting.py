"""One application for several services, each mounted under its name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from services.common.api import problems


def mount(services: Mapping[str, FastAPI]) -> FastAPI:
    """Create the application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # A mounted application gets no lifespan events itself.
        async with AsyncExitStack() as stack:
            for service in services.values():
                await stack.enter_async_context(service.router.lifespan_context(service))
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    problems.install(app)
    for name, service in services.items():
        app.mount(f"/{name}", service)
    return app
