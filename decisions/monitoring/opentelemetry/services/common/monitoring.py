"""The way of a request through all services, with the time that each part took, for OpenTelemetry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common import tracing
from services.common.config import PROJECT, Settings
from services.common.telemetry import PROBES, REQUEST_ID

HEADERS = {b"traceparent": "traceparent", b"tracestate": "tracestate"}


class Trace:
    """Make each request a part of the trace that it came with, or the first of a new one."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith(PROBES):
            return await self.app(scope, receive, send)
        came_with = {
            HEADERS[name]: value.decode("latin-1")
            for name, value in scope["headers"]
            if name in HEADERS
        }
        method = scope["method"]
        about = {"http.request.method": method, "url.path": scope["path"]}
        status = 500

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with tracing.part(self.service, method, SpanKind.SERVER, came_with, about) as span:
            try:
                await self.app(scope, receive, send_and_look)
            finally:
                if span.is_recording():
                    if route := getattr(scope.get("route"), "path", ""):
                        span.update_name(f"{method} {route}")
                        span.set_attribute("http.route", route)
                    span.set_attribute("http.response.status_code", status)
                    span.set_attribute("request.id", scope[REQUEST_ID])
                    if status >= 500:
                        span.set_status(StatusCode.ERROR)


def install(app: FastAPI, service: str) -> None:
    """Trace the requests of a service."""
    app.add_middleware(Trace, service=service)


def sender(settings: Settings) -> SpanProcessor | None:
    """What sends traces away, in the background; nothing where no collector is named."""
    endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/")
    if not endpoint:
        return None
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"))


@asynccontextmanager
async def running(service: str, settings: Settings) -> AsyncIterator[None]:
    """Keep and send the traces of a service for the duration of a `with` block."""
    processor = sender(settings)
    if processor is None:
        yield
        return
    about = Resource.create({"service.name": service, "service.namespace": PROJECT})
    provider = TracerProvider(resource=about, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracing.tracers[service] = provider.get_tracer(PROJECT)
    try:
        yield
    finally:
        tracing.tracers.pop(service, None)
        await asyncio.to_thread(provider.shutdown)  # it sends what is left
