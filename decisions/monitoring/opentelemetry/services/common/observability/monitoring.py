"""Traces of requests through all services, with the time that each part took, for OpenTelemetry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from services.common.api.asgi import ASGIApp, Message, Receive, Scope, Send
from services.common.api.endpoint import Endpoint
from services.common.config import PROJECT, Settings
from services.common.observability import tracing
from services.common.observability.request_log import PROBES, REQUEST_ID

TRACE_HEADERS = {b"traceparent": "traceparent", b"tracestate": "tracestate"}


class TraceRequests:
    """Middleware: each request is a span of the trace in its headers, or begins a new trace."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith(PROBES):
            return await self.app(scope, receive, send)
        headers = {
            TRACE_HEADERS[name]: value.decode("latin-1")
            for name, value in scope["headers"]
            if name in TRACE_HEADERS
        }
        method = scope["method"]
        attributes = {"http.request.method": method, "url.path": scope["path"]}
        status = 500

        async def send_and_observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with tracing.span(self.service, method, SpanKind.SERVER, headers, attributes) as span:
            try:
                await self.app(scope, receive, send_and_observe)
            finally:
                if span.is_recording():
                    if route := getattr(scope.get("route"), "path", ""):
                        span.update_name(f"{method} {route}")
                        span.set_attribute("http.route", route)
                    span.set_attribute("http.response.status_code", status)
                    span.set_attribute("request.id", scope[REQUEST_ID])
                    if status >= 500:
                        span.set_status(StatusCode.ERROR)


class Monitor:
    """Traces a service."""

    def __init__(self, service: str) -> None:
        self.service = service

    def instrument(self, app: ASGIApp) -> ASGIApp:
        """Trace requests."""
        return TraceRequests(app, self.service)

    def endpoints(self) -> Sequence[Endpoint]:
        """Answer nothing: traces are sent."""
        return ()

    @asynccontextmanager
    async def lifespan(self, settings: Settings) -> AsyncIterator[None]:
        """Keep and send traces for the duration of a `with` block."""
        processor = exporter(settings)
        if processor is None:
            yield
            return
        resource = Resource.create({"service.name": self.service, "service.namespace": PROJECT})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(processor)
        tracing.tracers[self.service] = provider.get_tracer(PROJECT)
        try:
            yield
        finally:
            tracing.tracers.pop(self.service, None)
            await asyncio.to_thread(provider.shutdown)  # it sends the remaining spans


def exporter(settings: Settings) -> SpanProcessor | None:
    """What sends traces in the background; None where no collector is configured."""
    endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/")
    if not endpoint:
        return None
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"))
