"""Forwarding: a request is streamed to its service, and the response back.

Only URLs change: those in a response are the ones that callers from outside know.
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

from services.common.api.problems import MEDIA_TYPE
from services.common.api.versioning import PREFIX
from services.common.auth import edge
from services.common.auth.callers import SERVICE_KEY_HEADER, Caller
from services.common.config import Settings
from services.common.errors import NotFound, ServiceError, ServiceUnavailable, Unauthorized
from services.common.observability.request_log import REQUEST_ID

log = structlog.get_logger()

HIDDEN = r"/(?:docs|health|internal|metrics|openapi\.json|redoc)(?:/|\Z)"
"""What services answer, but not to callers from outside."""
ENCODED = r"%(?i:2[0-46-9A-C]|3[AC-F]|40|5[BDE]|60|7[B-D]|[89A-F][0-9A-F])"
SEGMENT = rf"/(?!\.{{1,2}}(?:/|\Z))(?:[A-Za-z0-9_.~!$&'()*+,=:@-]|{ENCODED})+"
FORWARDED = re.compile(
    rf"/(?P<service>[a-z0-9_]+)(?!{HIDDEN})(?P<path>{PREFIX}(?:{SEGMENT})+)".encode()
)
"""What is forwarded: nothing that a service may take for another path, such as `..`, `;`, or `%2f` and `%64` encoded."""

CONNECT_TIMEOUT_S = 2.0
"""For a new connection to a service, or for one of the pool."""

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
"""Headers about one connection (RFC 9110, section 7.6.1)."""
NOT_FORWARDED = {
    b"authorization",
    b"cookie",
    b"expect",
    b"forwarded",
    b"host",
    b"x-request-id",
    SERVICE_KEY_HEADER.lower().encode(),
    edge.CREDENTIAL.name.lower().encode(),
}
"""Headers of a request that are for the gateway, or that only the gateway may send to a service."""
OWN_HEADERS = {b"date", b"server", b"x-request-id"}
"""Headers that the gateway sets in every response."""

LENGTH = b"content-length"

Headers = list[tuple[bytes, bytes]]


class BadGateway(ServiceError):
    """A service sent no valid response, or stopped in the middle of it."""

    status = HTTPStatus.BAD_GATEWAY


class GatewayTimeout(ServiceError):
    """A service did not answer in time; whether the request had an effect is unknown."""

    status = HTTPStatus.GATEWAY_TIMEOUT


class BadRequest(ServiceError):
    """The request cannot be forwarded."""

    status = HTTPStatus.BAD_REQUEST


class DuplexResponse(StreamingResponse):
    """A response that is sent while the body of its request is still being received.

    Starlette's own listens for a disconnect meanwhile, and would consume the rest of the body.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.stream_response(send)


class Forwarder:
    """Forwards requests to the public services."""

    def __init__(self, clients: Mapping[str, httpx2.AsyncClient], settings: Settings) -> None:
        self.clients = clients
        self.service_key = settings.service_key.get_secret_value()
        self.timeout = httpx2.Timeout(
            settings.answer_within_s, connect=CONNECT_TIMEOUT_S, pool=CONNECT_TIMEOUT_S
        )

    async def forward(self, request: Request, caller: Caller | Unauthorized) -> Response:
        """Answer a request as its service does.

        Args:
            caller: Who calls, or why that is nobody: what to say where the service asks.

        Raises:
            Unauthorized: The service asks who calls, and that is nobody.
            NotFound: No public service has this path.
            ServiceUnavailable: The service cannot be reached.
            GatewayTimeout: It does not answer in time.
            BadGateway: It does not answer in HTTP.
        """
        found = FORWARDED.fullmatch(request.scope["raw_path"])
        name = found["service"].decode() if found else ""
        if found is None or name not in self.clients:
            raise NotFound("There is nothing at this path.")
        client = self.clients[name]
        outgoing = self._outgoing(client, request, found["path"], caller)
        try:
            answer = await client.send(outgoing, stream=True)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise ServiceUnavailable(f"{name} cannot be reached.") from error
        except httpx2.TimeoutException as error:
            raise GatewayTimeout(f"{name} does not answer.") from error
        except httpx2.RequestError as error:
            raise BadGateway(f"{name} broke off before it answered.") from error
        except ClientDisconnect as error:
            raise BadRequest("The request ended in the middle.") from error
        if isinstance(caller, Unauthorized) and edge.asks_who_calls(
            answer.status_code, answer.headers
        ):
            await answer.aclose()
            raise caller
        fields = _back(answer, name, str(client.base_url).rstrip("/"))
        if request.method != "HEAD" and _is_problem(answer):
            return await _problem(name, answer, fields, request.scope["path"])
        kind = DuplexResponse if _has_body(request) else StreamingResponse
        response = kind(_body(name, answer), answer.status_code)
        response.raw_headers = fields
        return response

    def _outgoing(
        self,
        client: httpx2.AsyncClient,
        request: Request,
        path: bytes,
        caller: Caller | Unauthorized,
    ) -> httpx2.Request:
        """The request as the service receives it."""
        query: bytes = request.scope["query_string"]
        target = client.base_url.raw_path.rstrip(b"/") + path + (b"?" + query if query else b"")
        own = {"X-Request-ID": request.scope[REQUEST_ID]}
        if isinstance(caller, Caller):  # with the key, services believe what they are told
            own |= {SERVICE_KEY_HEADER: self.service_key, **edge.headers_naming(caller)}
        fields: Headers = [
            *_passed_on(request.headers.raw, NOT_FORWARDED),
            *((name.encode(), value.encode()) for name, value in own.items()),
        ]
        if "accept-encoding" not in request.headers:
            # Not the encodings of the client library, which the caller may not understand.
            fields.append((b"accept-encoding", b"identity"))
        try:
            return client.build_request(
                request.method,
                client.base_url.copy_with(raw_path=target),
                headers=fields,
                content=request.stream() if _has_body(request) else None,
                timeout=self.timeout,
            )
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise BadRequest("The URL has characters that no URL may have.") from error


def _has_body(request: Request) -> bool:
    return "content-length" in request.headers or "transfer-encoding" in request.headers


def _passed_on(fields: Headers, dropped_headers: set[bytes]) -> Headers:
    """The headers without those about the connection, those that `Connection` names, and the dropped ones."""
    named = (value for name, value in fields if name.lower() == b"connection")
    listed = {it.strip().lower() for value in named for it in value.split(b",")}
    dropped = HOP_BY_HOP | dropped_headers | (listed - {LENGTH, b"content-type"})
    if any(name.lower() == b"transfer-encoding" for name, _ in fields):
        dropped |= {LENGTH}  # beside it, a length does not count (RFC 9112, section 6.3)
    return [
        (name, value)
        for name, value in fields
        if name.lower() not in dropped and not name.lower().startswith(b"x-forwarded-")
    ]


def _back(answer: httpx2.Response, service: str, base: str) -> Headers:
    """The headers of a response; URLs in them lead through the gateway."""
    return [
        (name, _public(value.decode("latin-1"), service, base).encode("latin-1"))
        if name.lower() in (b"location", b"content-location")
        else (name, value)
        for name, value in _passed_on(answer.headers.raw, OWN_HEADERS)
    ]


def _public(address: str, service: str, base: str) -> str:
    """The URL of a service as callers from outside know it; others stay as they are."""
    path = address.removeprefix(base)
    return f"/{service}{path}" if path.startswith("/") and not path.startswith("//") else address


def _is_problem(answer: httpx2.Response) -> bool:
    """Whether a response is an unencoded problem."""
    kind = answer.headers.get("Content-Type"), answer.headers.get("Content-Encoding", "identity")
    return kind == (MEDIA_TYPE, "identity")


async def _problem(service: str, answer: httpx2.Response, fields: Headers, path: str) -> Response:
    """A problem whose `instance` is the requested path; what is not a JSON object stays as it is.

    Raises:
        BadGateway: The service stopped in the middle of it.
    """
    try:
        content = b"".join([chunk async for chunk in _body(service, answer)])
    except httpx2.RequestError as error:
        raise BadGateway(f"{service} broke off in its answer.") from error
    with suppress(TypeError, ValueError):
        problem = json.loads(content) | {"instance": quote(path)}
        content = json.dumps(problem, ensure_ascii=False).encode()
    response = Response(content, answer.status_code)
    length = response.raw_headers
    response.raw_headers = [*(it for it in fields if it[0].lower() != LENGTH), *length]
    return response


async def _body(service: str, answer: httpx2.Response) -> AsyncIterator[bytes]:
    """Stream the body of a response; if the service breaks off, so does the response to the caller."""
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    except httpx2.RequestError as error:
        log.error("response_broken_off", service=service, error=repr(error))
        raise
    finally:
        await answer.aclose()
