"""Passing a request on to the service that it is for, and its answer back, both as they come.

What changes is what leads somewhere: addresses in an answer are those that callers from outside know.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import quote

import httpx2
import structlog
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from services.common import entrance
from services.common.errors import PROBLEM_TYPE, Away, Missing, ServiceError
from services.common.security import AS_SERVICE
from services.common.telemetry import REQUEST_ID
from services.common.versions import PREFIX

log = structlog.get_logger()

HIDDEN = r"/(?:docs|health|internal|metrics|openapi\.json|redoc)(?:/|\Z)"
"""What services answer that is not for callers from outside."""
SEGMENT = r"/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_.~-]+"
ADDRESS = re.compile(
    rf"/(?P<service>[a-z0-9_]+)(?!{HIDDEN})(?P<path>{PREFIX}(?:{SEGMENT})+)".encode()
)
"""What is passed on: plain segments where records are. Nothing that a service could read otherwise, such as `%2f`."""

CONNECT_S = 2.0
"""For a connection to a service, or for one of those in use to become free."""

HOP_BY_HOP = {
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}
"""Fields that are about one connection (RFC 9110, section 7.6.1)."""
KEPT_BACK = {
    b"authorization",
    b"cookie",
    b"expect",
    b"forwarded",
    b"host",
    b"x-request-id",
    AS_SERVICE.lower().encode(),
    entrance.CALLER.lower().encode(),
}
"""Fields of a request that prove something to the gateway, or that it alone may say to a service."""
OUR_OWN = {b"date", b"server", b"x-request-id"}
"""Fields that every answer of the gateway has anyway."""

LENGTH = b"content-length"

Fields = list[tuple[bytes, bytes]]


class Broken(ServiceError):
    """A service answered what is no answer, or stopped in the middle."""

    status = HTTPStatus.BAD_GATEWAY


class Late(ServiceError):
    """A service did not answer in time; what it did is not known."""

    status = HTTPStatus.GATEWAY_TIMEOUT


class Unreadable(ServiceError):
    """The request cannot be passed on as it is."""

    status = HTTPStatus.BAD_REQUEST


class Answer(StreamingResponse):
    """An answer that takes nothing of a request whose body is still on its way to the service.

    While it is sent, Starlette's own waits for the caller to leave, and would swallow what else the caller sends.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.stream_response(send)


class Forwarder:
    """The ways to the services that are open to callers from outside."""

    def __init__(self, clients: Mapping[str, httpx2.AsyncClient], within_s: float) -> None:
        self.clients = clients
        self.timeout = httpx2.Timeout(within_s, connect=CONNECT_S, pool=CONNECT_S)

    async def forward(self, request: Request, caller: str) -> Response:
        """Answer a request as the service does that it is for.

        Raises:
            Missing: No service that is open to callers has this address.
            Away: The service cannot be reached.
            Late: It does not answer in time.
            Broken: It does not answer in HTTP.
        """
        found = ADDRESS.fullmatch(request.scope["raw_path"])
        name = found["service"].decode() if found else ""
        if found is None or name not in self.clients:
            raise Missing("There is nothing at this address.")
        client = self.clients[name]
        outgoing = self._outgoing(client, request, found["path"], caller)
        try:
            answer = await client.send(outgoing, stream=True)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Away(f"{name} cannot be reached.") from error
        except httpx2.TimeoutException as error:
            raise Late(f"{name} does not answer.") from error
        except httpx2.RequestError as error:
            raise Broken(f"{name} broke off before it answered.") from error
        except ClientDisconnect as error:
            raise Unreadable("The request ended in the middle.") from error
        fields = _back(answer, name, str(client.base_url).rstrip("/"))
        if request.method != "HEAD" and _is_problem(answer):
            return await _problem(name, answer, fields, request.scope["path"])
        kind = Answer if _has_body(request) else StreamingResponse
        response = kind(_body(name, answer), answer.status_code)
        response.raw_headers = fields
        return response

    def _outgoing(
        self, client: httpx2.AsyncClient, request: Request, path: bytes, caller: str
    ) -> httpx2.Request:
        """The request as the service gets it."""
        query: bytes = request.scope["query_string"]
        target = client.base_url.raw_path.rstrip(b"/") + path + (b"?" + query if query else b"")
        own = {"X-Request-ID": request.scope[REQUEST_ID], **entrance.named(caller)}
        fields: Fields = [
            *_passed_on(request.headers.raw, KEPT_BACK),
            *((name.encode(), value.encode()) for name, value in own.items()),
        ]
        if "accept-encoding" not in request.headers:
            fields.append((b"accept-encoding", b"identity"))  # not what the client library can read
        try:
            return client.build_request(
                request.method,
                client.base_url.copy_with(raw_path=target),
                headers=fields,
                content=request.stream() if _has_body(request) else None,
                timeout=self.timeout,
            )
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise Unreadable("The address holds what no address may.") from error


def _has_body(request: Request) -> bool:
    return "content-length" in request.headers or "transfer-encoding" in request.headers


def _passed_on(fields: Fields, kept_back: set[bytes]) -> Fields:
    """The fields that are neither about the connection, nor named by `Connection`, nor kept back."""
    named = (value for name, value in fields if name.lower() == b"connection")
    listed = {it.strip().lower() for value in named for it in value.split(b",")}
    dropped = HOP_BY_HOP | kept_back | (listed - {LENGTH, b"content-type"})
    return [
        (name, value)
        for name, value in fields
        if name.lower() not in dropped and not name.lower().startswith(b"x-forwarded-")
    ]


def _back(answer: httpx2.Response, service: str, base: str) -> Fields:
    """The fields of an answer; addresses in them lead through the gateway."""
    return [
        (name, _public(value.decode("latin-1"), service, base).encode("latin-1"))
        if name.lower() in (b"location", b"content-location")
        else (name, value)
        for name, value in _passed_on(answer.headers.raw, OUR_OWN)
    ]


def _public(address: str, service: str, base: str) -> str:
    """An address of a service as callers from outside know it; others stay."""
    path = address.removeprefix(base)
    return f"/{service}{path}" if path.startswith("/") and not path.startswith("//") else address


def _is_problem(answer: httpx2.Response) -> bool:
    """Whether an answer is a problem that can be read as it is."""
    kind = answer.headers.get("Content-Type"), answer.headers.get("Content-Encoding", "identity")
    return kind == (PROBLEM_TYPE, "identity")


async def _problem(service: str, answer: httpx2.Response, fields: Fields, path: str) -> Response:
    """A problem whose `instance` is the address that was asked for; what is no JSON object stays as it is.

    Raises:
        Broken: The service stopped in the middle of it.
    """
    try:
        content = b"".join([chunk async for chunk in _body(service, answer)])
    except httpx2.RequestError as error:
        raise Broken(f"{service} broke off in its answer.") from error
    with suppress(TypeError, ValueError):
        problem = json.loads(content) | {"instance": quote(path)}
        content = json.dumps(problem, ensure_ascii=False).encode()
    response = Response(content, answer.status_code)
    length = response.raw_headers
    response.raw_headers = [*(it for it in fields if it[0].lower() != LENGTH), *length]
    return response


async def _body(service: str, answer: httpx2.Response) -> AsyncIterator[bytes]:
    """What a service answers, as it comes; where it breaks off, so does the answer to the caller."""
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    except httpx2.RequestError as error:
        log.error("answer broke off", service=service, error=repr(error))
        raise
    finally:
        await answer.aclose()
