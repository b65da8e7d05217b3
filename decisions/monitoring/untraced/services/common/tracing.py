"""No trace is kept: the request id in the logs ties together what a request caused."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


def calling(neighbour: str, method: str) -> AbstractContextManager[dict[str, str]]:
    """A call to a neighbour, with the headers that pass the trace on: none."""
    return nullcontext({})


def handling(service: str, event: str, traceparent: str | None) -> AbstractContextManager[None]:
    """What a service does about an event."""
    return nullcontext()


def current() -> str | None:
    """The trace that an event takes with it, as its `traceparent`: none."""
    return None
