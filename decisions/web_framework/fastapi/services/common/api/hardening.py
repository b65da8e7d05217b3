"""Limits of every request's body, and security headers of every response."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from time import perf_counter

from fastapi import Request
from starlette.exceptions import HTTPException

from services.common.api.asgi import ASGIApp, Message, Receive, Scope, Send
from services.common.api.problems import SAFE_HEADERS, respond
from services.common.config import Settings

DEFAULTS = [(name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS.items()]
CLOSE = {"Connection": "close"}
"""Otherwise the server would go on to receive the rest of a body that is not read."""


class Hardening:
    """Refuse bodies that are too large or too slow, and forbid to store or reinterpret a response.

    Plain ASGI middleware, so that bodies are counted as they pass and not copied. No operation lists 408 and 413: any
    server or proxy on the way may respond to them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def send_with_defaults(message: Message) -> None:
            if message["type"] == "http.response.start":
                chosen = {name.lower() for name, _ in message["headers"]}
                missing = [it for it in DEFAULTS if it[0] not in chosen]
                message["headers"] = [*message["headers"], *missing]
            await send(message)

        settings: Settings = scope["app"].state.settings
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if length.isdigit() and int(length) > settings.max_body_bytes:
            refusal = _too_large(settings)
            status = HTTPStatus(refusal.status_code)
            response = respond(Request(scope), status, refusal.detail, headers=CLOSE)
            return await response(scope, receive, send_with_defaults)
        await self.app(scope, _limited(receive, settings), send_with_defaults)


def _limited(receive: Receive, settings: Settings) -> Receive:
    """Receive a body within the limits.

    Raises:
        HTTPException: It exceeds one. FastAPI lets no other error out while it reads a body.
    """
    bytes_left, seconds_left = settings.max_body_bytes, settings.body_timeout_s
    is_complete = False

    async def receive_within_limits() -> Message:
        nonlocal bytes_left, seconds_left, is_complete
        if is_complete:
            # What comes now is the end of the connection, for which a response may wait.
            return await receive()
        started = perf_counter()
        try:
            async with asyncio.timeout(seconds_left):
                message = await receive()
        except TimeoutError:
            raise _too_slow(settings) from None
        # Only waiting counts: the reader of the body, such as a gateway, may be slow itself.
        seconds_left -= perf_counter() - started
        bytes_left -= len(message.get("body", b""))
        if bytes_left < 0:
            raise _too_large(settings)
        is_complete = not message.get("more_body", False)
        return message

    return receive_within_limits


def _too_large(settings: Settings) -> HTTPException:
    detail = f"The body is larger than {settings.max_body_bytes} bytes."
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, CLOSE)


def _too_slow(settings: Settings) -> HTTPException:
    detail = f"The body did not arrive within {settings.body_timeout_s:g} s."
    return HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, CLOSE)
