"""Numbers for Prometheus: what is asked of a service, how long that takes, what waits, and who is spared."""

from __future__ import annotations

import time
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.config import Settings
from services.common.errors import Unauthorized
from services.common.messaging import outbox
from services.common.runtime import Runtime, RuntimeDep
from services.common.utils import same

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
"""Callers may make up others; each would be a series of its own for ever."""

bearer = HTTPBearer(auto_error=False)


class Numbers:
    """The numbers of one service in this process; Prometheus adds up those of several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "http_request_duration_seconds",
            "Requests by route and status, and how long they took",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "http_requests_in_flight", "Requests that are being answered", registry=self.registry
        )
        self.database = Gauge("database_up", "1 while the database answers", registry=self.registry)
        self.waiting = Gauge(
            "outbox_events_waiting",
            "Events on their way, by subscriber",
            ["subscriber"],
            registry=self.registry,
        )
        self.rejected = Gauge(
            "outbox_events_rejected",
            "Events that a subscriber refused",
            ["subscriber"],
            registry=self.registry,
        )
        self.spared = Gauge(
            "neighbour_calls_suspended",
            "1 while calls to a neighbour fail without being sent",
            ["neighbour"],
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    async def look(self, runtime: Runtime) -> None:
        """Bring up to date what is only looked at when somebody asks."""
        for name, client in {**runtime.clients, **runtime.apis}.items():
            self.spared.labels(name).set(client.breaker.is_open)
        counts = sa.select(
            outbox.c.subscriber, sa.func.count(), sa.func.count(outbox.c.rejected)
        ).group_by(outbox.c.subscriber)
        try:
            async with runtime.database.read() as connection:
                rows = (await connection.execute(counts)).all()
        except (SQLAlchemyError, OSError):
            self.database.set(0)
            return
        self.database.set(1)
        self.waiting.clear()
        self.rejected.clear()
        for relay in runtime.relays:
            self.waiting.labels(relay.name).set(0)
            self.rejected.labels(relay.name).set(0)
        for subscriber, stored, rejected in rows:
            self.waiting.labels(subscriber).set(stored - rejected)
            self.rejected.labels(subscriber).set(rejected)


class Count:
    """Count each request, and take its time."""

    def __init__(self, app: ASGIApp, numbers: Numbers) -> None:
        self.app = app
        self.numbers = numbers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        status = 500

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        self.numbers.in_flight.inc()
        try:
            await self.app(scope, receive, send_and_look)
        finally:
            self.numbers.in_flight.dec()
            method = scope["method"] if scope["method"] in METHODS else "other"
            route = getattr(scope.get("route"), "path", "unknown")
            seconds = self.numbers.seconds.labels(method, route, status)
            seconds.observe(time.perf_counter() - started)


async def only_prometheus(
    request: Request,
    credential: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> None:
    """Refuse everybody without the key of the numbers.

    Raises:
        Unauthorized: It is missing or wrong.
    """
    settings: Settings = request.app.state.settings
    key = settings.metrics_key.get_secret_value()
    if credential is None or not same(credential.credentials, key):
        raise Unauthorized("Send METRICS_KEY as a bearer token.", 'Bearer realm="metrics"')


def install(app: FastAPI, service: str) -> None:
    """Count the requests of a service, and answer `GET /metrics`."""
    numbers = Numbers()
    router = APIRouter(dependencies=[Depends(only_prometheus)], include_in_schema=False)

    @router.get("/metrics")
    async def metrics(runtime: RuntimeDep) -> Response:
        """All numbers, in the format of Prometheus."""
        await numbers.look(runtime)
        return Response(generate_latest(numbers.registry), media_type=CONTENT_TYPE_LATEST)

    app.include_router(router)
    app.add_middleware(Count, numbers=numbers)


def running(service: str, settings: Settings) -> AbstractAsyncContextManager[None]:
    """Nothing runs beside the service: Prometheus comes and asks."""
    return nullcontext()
