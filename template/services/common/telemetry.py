"""What can be seen of a request from outside: its id, and a line in the access log."""

from __future__ import annotations

import random
import re
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

HEADER = b"x-request-id"
REQUEST_ID = "request_id"
"""Where the scope of a request has its id."""
PROBES = ("/health/live", "/health/ready")
"""What is asked so often that it would hide the rest."""
ACCEPTABLE = re.compile(rb"[\w.-]{1,64}")


class RequestLog:
    """Give each request an id, pass it on, return it, and log the outcome.

    Plain ASGI, because Starlette's `BaseHTTPMiddleware` costs more than the request itself.
    """

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id = next((v for k, v in scope["headers"] if k == HEADER), b"")
        if not ACCEPTABLE.fullmatch(request_id):
            # Nobody gains by guessing it, so it need not cost a system call, at which the event loop gives way.
            request_id = b"%032x" % random.getrandbits(128)  # nosec B311
        scope[REQUEST_ID] = request_id.decode()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER, request_id)]
            await send(message)

        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(
            request_id=scope[REQUEST_ID], service=self.service, caller=None
        ):
            try:
                await self.app(scope, receive, send_with_id)
            finally:
                if not scope["path"].endswith(PROBES):
                    log.info(
                        "request",
                        method=scope["method"],
                        path=scope["path"],
                        status=status,
                        ms=round((time.perf_counter() - started) * 1000, 1),
                    )
