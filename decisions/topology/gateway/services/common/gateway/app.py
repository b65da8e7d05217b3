"""The application of the gateway: it authenticates callers, limits their rate, and forwards requests to the services.

Which routes are for everybody, each service decides: it is told who calls, or that nobody proved who it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from importlib import metadata
from typing import Annotated, Any

import httpx2
import structlog
from fastapi import Depends, FastAPI, Request, Response, Security
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

from services.common.api import problems
from services.common.api.problems import problem_responses
from services.common.api.security import scheme
from services.common.auth import authentication
from services.common.auth.callers import ANONYMOUS, Caller
from services.common.clients.http_client import open_client
from services.common.config import PROJECT, Settings, load_settings
from services.common.errors import ServiceError, ServiceUnavailable, Unauthorized
from services.common.gateway.description import Description
from services.common.gateway.forwarding import Forwarder
from services.common.gateway.rate_limits import Allowance, RateLimits
from services.common.observability import logs
from services.common.observability.request_log import RequestLog

NAME = "api-gateway"
"""The name of its process, which no service can have."""
METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
READY_TIMEOUT_S = 2.0


class TooManyRequests(ServiceError):
    """The caller exceeds its rate limit."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(f"Too many requests; wait {allowance.retry_after_s} s.")
        self.allowance = allowance

    @property
    def headers(self) -> dict[str, str]:
        return self.allowance.headers


async def identify_caller(
    request: Request,
    _credential: Annotated[object, Security(scheme(authentication.CREDENTIAL))],
) -> Caller | Unauthorized:
    """Tell who calls, or why that is nobody."""
    credential = authentication.CREDENTIAL.read(request.headers)
    try:
        caller = await authentication.authenticate(credential, request.app.state.settings)
    except Unauthorized as refusal:
        structlog.contextvars.bind_contextvars(caller=ANONYMOUS.name)
        return refusal
    structlog.contextvars.bind_contextvars(caller=caller.name)
    return caller


def create_gateway(services: Sequence[str], settings: Settings | None = None) -> FastAPI:
    """Create the application; without `settings`, it loads them when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        known = app.state.settings = settings or load_settings()
        logs.configure(known)
        async with AsyncExitStack() as stack:
            clients: dict[str, httpx2.AsyncClient] = {}
            for name in services:
                client = open_client(name, known.url(name), {})
                clients[name] = await stack.enter_async_context(client)
            app.state.clients = clients
            app.state.limits = RateLimits(known.caller_rate, known.caller_burst)
            app.state.forwarder = Forwarder(clients, known)
            app.state.description = Description(clients, identify_caller)
            yield

    app = FastAPI(
        title=NAME,
        version=metadata.version(PROJECT),
        lifespan=lifespan,
        openapi_url=None,  # /openapi.json describes the services
        redirect_slashes=False,
    )
    problems.install(app)
    app.add_middleware(RequestLog, service=NAME)
    _add_own_routes(app)

    @app.api_route("/{address:path}", methods=METHODS, include_in_schema=False)
    async def forward(
        request: Request, caller: Annotated[Caller | Unauthorized, Depends(identify_caller)]
    ) -> Response:
        """Forward a request, unless the caller exceeds its rate limit."""
        allowance: Allowance = request.app.state.limits.take(_limited(request, caller))
        if allowance.retry_after_s:
            raise TooManyRequests(allowance)
        response: Response = await request.app.state.forwarder.forward(request, caller)
        response.headers.update(allowance.headers)
        return response

    return app


def _limited(request: Request, caller: Caller | Unauthorized) -> tuple[str, str]:
    """Whose rate is limited: a caller's, or that of an address from which nobody proves who it is."""
    if isinstance(caller, Caller):
        return "caller", caller.name
    return "address", request.client.host if request.client else ""


def _add_own_routes(app: FastAPI) -> None:
    """Add health checks and the API description, which the gateway answers itself, without authentication."""

    @app.get("/health/live", tags=["health"])
    async def live() -> dict[str, str]:
        """Tell that the process runs."""
        return {"status": "live"}

    @app.get("/health/ready", tags=["health"], responses=problem_responses(503))
    async def ready(request: Request) -> dict[str, str]:
        """Tell that requests can be forwarded, to one service at least."""
        clients: Mapping[str, httpx2.AsyncClient] = request.app.state.clients
        if clients and not any(await asyncio.gather(*map(_is_ready, clients.values()))):
            raise ServiceUnavailable("No service can be reached.")
        return {"status": "ready"}

    @app.get("/openapi.json", include_in_schema=False)
    async def describe(request: Request) -> dict[str, Any]:
        """Describe the public services as one API."""
        document: dict[str, Any] = await request.app.state.description.document()
        return document

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """Show the description as a page."""
        return get_swagger_ui_html(openapi_url="/openapi.json", title=PROJECT)


async def _is_ready(client: httpx2.AsyncClient) -> bool:
    try:
        return (await client.get("/health/ready", timeout=READY_TIMEOUT_S)).is_success
    except httpx2.HTTPError:
        return False
