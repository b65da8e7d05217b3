"""The id of each request, and its line in the access log."""

from __future__ import annotations

import random
import re
import time

import structlog

from services.common.api.asgi import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

HEADER = b"x-request-id"
REQUEST_ID = "request_id"
"""The key of the id in the scope of a request."""
PROBES = ("/health/live", "/health/ready")
"""Not logged: these requests are so frequent that they would hide the others."""
VALID_ID = re.compile(rb"[\w.-]{1,64}")
"""What callers may send as an id; anything else is replaced, so that no log line can be forged."""


class RequestLog:
    """Give each request an id, return it as a header, and log the outcome.

    Plain ASGI middleware, because Starlette's `BaseHTTPMiddleware` costs more than the request itself.
    """

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id = next((v for k, v in scope["headers"] if k == HEADER), b"")
        if not VALID_ID.fullmatch(request_id):
            # It need not be unguessable, and `os.urandom` would be a system call for each request.
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
