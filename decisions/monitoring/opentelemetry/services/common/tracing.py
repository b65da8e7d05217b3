"""The trace that work belongs to (W3C Trace Context), carried over calls and events.

A service whose traces go nowhere passes on the trace that it was called under, and begins none.
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

NOWHERE: Tracer = NoOpTracer()
tracers: dict[str, Tracer] = {}
"""What keeps the traces of a service, for those that send theirs somewhere."""
_tracer: ContextVar[Tracer] = ContextVar("tracer", default=NOWHERE)
"""That of the service at work."""
_format = TraceContextTextMapPropagator()


@contextmanager
def part(
    service: str,
    name: str,
    kind: SpanKind,
    came_with: Mapping[str, str],
    attributes: Mapping[str, str],
    links: tuple[Link, ...] = (),
) -> Iterator[Span]:
    """A part of a trace: what a service does because of a request or an event, with its headers."""
    tracer = tracers.get(service, NOWHERE)
    context = _format.extract(came_with)
    span = tracer.start_span(name, context, kind, attributes, links)
    token = _tracer.set(tracer)
    try:
        with use_span(span, end_on_exit=True), structlog.contextvars.bound_contextvars(**_id(span)):
            yield span
    finally:
        _tracer.reset(token)


def _id(span: Span) -> dict[str, str]:
    """For the log, from which the way leads to the trace."""
    context = span.get_span_context()
    return {"trace_id": format_trace_id(context.trace_id)} if context.is_valid else {}


@contextmanager
def calling(neighbour: str, method: str) -> Iterator[dict[str, str]]:
    """A call to a neighbour, tries included, with the headers that pass the trace on."""
    span = _tracer.get().start_span(
        f"{method} {neighbour}",
        kind=SpanKind.CLIENT,
        attributes={"http.request.method": method, "peer.service": neighbour},
    )
    with use_span(span, end_on_exit=True):
        yield _headers()


@contextmanager
def handling(service: str, event: str, traceparent: str | None) -> Iterator[None]:
    """What a service does about an event, in the trace of the change that caused it."""
    brought_by = get_current_span().get_span_context()
    with part(
        service,
        f"process {event}",
        SpanKind.CONSUMER,
        {"traceparent": traceparent} if traceparent else {},
        {"messaging.operation.type": "process", "cloudevents.event_type": event},
        (Link(brought_by),) if brought_by.is_valid else (),
    ):
        yield


def current() -> str | None:
    """The trace that an event takes with it, as its `traceparent`."""
    return _headers().get("traceparent")


def _headers() -> dict[str, str]:
    headers: dict[str, str] = {}
    _format.inject(headers)
    return headers
