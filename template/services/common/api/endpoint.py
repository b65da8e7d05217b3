"""Requests that are not part of a service's API: metrics, or events that other services post."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from services.common.runtime import Runtime


@dataclass(frozen=True)
class EndpointRequest:
    """A request, independent of the web framework."""

    headers: Mapping[str, str]
    """Names compare without regard to case."""
    body: bytes
    runtime: Runtime


@dataclass(frozen=True)
class EndpointResponse:
    """The response to it; every failure is an exception."""

    status: HTTPStatus = HTTPStatus.NO_CONTENT
    body: bytes = b""
    media_type: str | None = None


@dataclass(frozen=True)
class Endpoint:
    """A path that a component serves; it stands in no API description."""

    method: str
    path: str
    handle: Callable[[EndpointRequest], Awaitable[EndpointResponse]]
