"""Requests from elsewhere: they reach a process that listens to its own machine alone through a proxy that runs there."""

from __future__ import annotations

import re
from http import HTTPStatus

import structlog
from fastapi import Request

from services.common.api.asgi import ASGIApp, Receive, Scope, Send
from services.common.api.problems import respond

log = structlog.get_logger()

PROXY_HEADERS = {b"forwarded", b"via", b"x-real-ip"}
"""Headers that proxies add to a request, besides all that begin with `X-Forwarded-`."""
LOCAL = re.compile(rb"(|([\w.-]+\.)?localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?", re.IGNORECASE)
"""The `Host` of requests that programs of this machine send."""


class LoopbackOnly:
    """Refuse requests from elsewhere while settings are safe on this machine alone, such as a key that everybody knows.

    A proxy that adds no such header, and calls the process by an address of this machine, looks like a program that runs
    here.
    """

    def __init__(self, app: ASGIApp, unsafe: str) -> None:
        self.app = app
        self.unsafe = unsafe
        """What is to be changed first."""
        self.is_logged = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_from_elsewhere(scope):
            return await self.app(scope, receive, send)
        if not self.is_logged:
            self.is_logged = True
            log.error("request_from_elsewhere_refused", path=scope["path"], because=self.unsafe)
        detail = f"It came through a proxy, and is refused because of the settings: {self.unsafe}"
        response = respond(Request(scope), HTTPStatus.SERVICE_UNAVAILABLE, detail)
        await response(scope, receive, send)


def _is_from_elsewhere(scope: Scope) -> bool:
    return any(
        name in PROXY_HEADERS
        or name.startswith(b"x-forwarded-")
        or (name == b"host" and not LOCAL.fullmatch(value))
        for name, value in scope["headers"]
    )
