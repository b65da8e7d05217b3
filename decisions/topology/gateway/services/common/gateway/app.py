"""What the gateway does with a request: tell who calls, count, pass it on to the service that it is for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from importlib import metadata
from typing import Annotated, Any

import httpx2
import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

from services.common import callers, errors, logs
from services.common.config import PROJECT, Settings, load_settings
from services.common.errors import Away, ServiceError, problems
from services.common.gateway.description import Description
from services.common.gateway.forwarding import Forwarder
from services.common.gateway.limits import Allowance, Limits
from services.common.security import AS_SERVICE
from services.common.telemetry import RequestLog
from services.common.transport import open_client

NAME = "api-gateway"
"""Of its process; no service can have it."""
METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
READY_WITHIN_S = 2.0


class TooMany(ServiceError):
    """The caller calls more often than it may."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(f"Too many requests; wait {allowance.wait_s} s.")
        self.allowance = allowance

    @property
    def headers(self) -> dict[str, str]:
        return self.allowance.headers


async def identify(request: Request, credential: callers.Credential) -> str:
    """The name of the caller.

    Raises:
        Unauthorized: It did not prove who it is.
    """
    name = await callers.recognize(credential, request.app.state.settings)
    structlog.contextvars.bind_contextvars(caller=name)
    return name


def gateway(services: Sequence[str], settings: Settings | None = None) -> FastAPI:
    """Make the application; without `settings`, it reads them when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        known = app.state.settings = settings or load_settings()
        logs.configure(known)
        as_service = {AS_SERVICE: known.service_key.get_secret_value()}
        async with AsyncExitStack() as stack:
            clients: dict[str, httpx2.AsyncClient] = {}
            for name in services:
                way = open_client(name, known.url(name), as_service)
                clients[name] = await stack.enter_async_context(way)
            app.state.clients = clients
            app.state.limits = Limits(known.caller_rate, known.caller_burst)
            app.state.forwarder = Forwarder(clients, known.answer_within_s)
            app.state.description = Description(clients, identify)
            yield

    app = FastAPI(
        title=NAME,
        version=metadata.version(PROJECT),
        lifespan=lifespan,
        openapi_url=None,  # what is described are the services
        redirect_slashes=False,
    )
    errors.install(app)
    app.add_middleware(RequestLog, service=NAME)
    _add_own_addresses(app)

    @app.api_route("/{address:path}", methods=METHODS, include_in_schema=False)
    async def forward(request: Request, caller: Annotated[str, Depends(identify)]) -> Response:
        """Pass a request on for a caller who may call so often."""
        allowance: Allowance = request.app.state.limits.take(caller)
        if allowance.wait_s:
            raise TooMany(allowance)
        response: Response = await request.app.state.forwarder.forward(request, caller)
        response.headers.update(allowance.headers)
        return response

    return app


def _add_own_addresses(app: FastAPI) -> None:
    """Health and description: what the gateway answers itself, to everybody."""

    @app.get("/health/live", tags=["health"])
    async def live() -> dict[str, str]:
        """Tell that the process runs."""
        return {"status": "live"}

    @app.get("/health/ready", tags=["health"], responses=problems(503))
    async def ready(request: Request) -> dict[str, str]:
        """Tell that a request can be passed on: to some service at least, as one that is away says nothing of others."""
        clients: Mapping[str, httpx2.AsyncClient] = request.app.state.clients
        if clients and not any(await asyncio.gather(*map(_is_ready, clients.values()))):
            raise Away("No service can be reached.")
        return {"status": "ready"}

    @app.get("/openapi.json", include_in_schema=False)
    async def describe(request: Request) -> dict[str, Any]:
        """The services that callers from outside may reach, as one API."""
        document: dict[str, Any] = await request.app.state.description.document()
        return document

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """The same as a page."""
        return get_swagger_ui_html(openapi_url="/openapi.json", title=PROJECT)


async def _is_ready(client: httpx2.AsyncClient) -> bool:
    try:
        return (await client.get("/health/ready", timeout=READY_WITHIN_S)).is_success
    except httpx2.HTTPError:
        return False
