"""The trace that work belongs to (W3C Trace Context), carried over calls and events.

A service that exports no traces propagates the one that it was called under, and begins none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import structlog
from opentelemetry.trace import (
    Link,
    NoOpTracer,
    Span,
    SpanKind,
    Tracer,
    format_trace_id,
    get_current_span,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

NO_TRACER: Tracer = NoOpTracer()
tracers: dict[str, Tracer] = {}
"""The tracers of the services that export traces, by name."""
_tracer: ContextVar[Tracer] = ContextVar("tracer", default=NO_TRACER)
"""The tracer of the service at work."""
_format = TraceContextTextMapPropagator()


@contextmanager
def span(
    service: str,
    name: str,
    kind: SpanKind,
    headers: Mapping[str, str],
    attributes: Mapping[str, str],
    links: tuple[Link, ...] = (),
) -> Iterator[Span]:
    """A span of the trace in the headers of a request or an event."""
    tracer = tracers.get(service, NO_TRACER)
    context = _format.extract(headers)
    started = tracer.start_span(name, context, kind, attributes, links)
    token = _tracer.set(tracer)
    try:
        with (
            use_span(started, end_on_exit=True),
            structlog.contextvars.bound_contextvars(**_trace_id(started)),
        ):
            yield started
    finally:
        _tracer.reset(token)


def _trace_id(span: Span) -> dict[str, str]:
    """The id by which a log line leads to its trace."""
    context = span.get_span_context()
    return {"trace_id": format_trace_id(context.trace_id)} if context.is_valid else {}


@contextmanager
def calling(service: str, method: str) -> Iterator[dict[str, str]]:
    """A call to another service, retries included, with the headers that propagate the trace."""
    started = _tracer.get().start_span(
        f"{method} {service}",
        kind=SpanKind.CLIENT,
        attributes={"http.request.method": method, "peer.service": service},
    )
    with use_span(started, end_on_exit=True):
        yield _headers()


@contextmanager
def handling(service: str, event: str, traceparent: str | None) -> Iterator[None]:
    """The handling of an event, in the trace of the change that caused it."""
    delivery = get_current_span().get_span_context()
    with span(
        service,
        f"process {event}",
        SpanKind.CONSUMER,
        {"traceparent": traceparent} if traceparent else {},
        {"messaging.operation.type": "process", "cloudevents.event_type": event},
        (Link(delivery),) if delivery.is_valid else (),
    ):
        yield


def current_traceparent() -> str | None:
    """The trace that an event carries, as its `traceparent`."""
    return _headers().get("traceparent")


def _headers() -> dict[str, str]:
    headers: dict[str, str] = {}
    _format.inject(headers)
    return headers
