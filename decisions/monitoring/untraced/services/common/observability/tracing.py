"""No traces: the request id in the logs correlates what a request caused."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


def calling(service: str, method: str) -> AbstractContextManager[dict[str, str]]:
    """A call to another service, with the headers that propagate the trace: none."""
    return nullcontext({})


def handling(service: str, event: str, traceparent: str | None) -> AbstractContextManager[None]:
    """The handling of an event."""
    return nullcontext()


def current_traceparent() -> str | None:
    """The trace that an event carries, as its `traceparent`: none."""
    return None
