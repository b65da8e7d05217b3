"""Everything that can go wrong for a caller, as problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from services.common.models import Fault, Problem
from services.common.telemetry import REQUEST_ID

log = structlog.get_logger()

RENAMED = {HTTPStatus.UNPROCESSABLE_ENTITY: "Unprocessable Content"}
"""Titles that newer versions of Python write otherwise than older ones: as RFC 9110 has them."""

PROBLEM_TYPE = "application/problem+json"
"""The media type of a problem."""

SCHEMAS = "#/components/schemas/"
"""Where an OpenAPI description keeps what is used in several places."""

LATER = {"Retry-After": "5"}


class ServiceError(Exception):
    """An expected failure; its message goes to the caller."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says beside its status and body."""
        return {}


class Refusal(ServiceError):
    """A business rule says no."""

    status = HTTPStatus.CONFLICT


class Unauthorized(ServiceError):
    """The caller did not prove who it is."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, message: str, challenge: str) -> None:
        super().__init__(message)
        self.challenge = challenge

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": self.challenge}


class Missing(ServiceError):
    """There is no such record."""

    status = HTTPStatus.NOT_FOUND


class Outdated(ServiceError):
    """Somebody changed the record since the caller read it."""

    status = HTTPStatus.PRECONDITION_FAILED


class UnknownReference(ServiceError):
    """A field refers to a record that does not exist; one day it may, so the request itself is valid."""

    status = HTTPStatus.CONFLICT


class Away(ServiceError):
    """A service or store that is needed for the answer cannot be reached."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    @property
    def headers(self) -> dict[str, str]:
        return LATER


class Transient(Exception):
    """A failure of a call that the next attempt may not see: no connection, a time-out, a 5xx answer."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route, for its OpenAPI description."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_TYPE: {"schema": {"$ref": SCHEMAS + "Problem"}}},
        }
        for status in statuses
    }


def problem_schemas() -> dict[str, Any]:
    """What the problem responses of a description refer to, by name."""
    schema = Problem.model_json_schema(ref_template=SCHEMAS + "{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def respond(
    request: Request,
    status: HTTPStatus,
    detail: str,
    errors: list[Fault] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """A problem response that names the request it answers."""
    problem = Problem(
        title=RENAMED.get(status, status.phrase),
        status=status,
        detail=detail,
        instance=quote(request.scope["path"]),  # the URL cannot be read where its query is no text
        request_id=request.scope.get(REQUEST_ID, ""),
        errors=errors or [],
    )
    return JSONResponse(
        problem.model_dump(exclude_defaults=True) | {"type": problem.type},
        int(status),
        headers,
        media_type=PROBLEM_TYPE,
    )


def install(app: FastAPI) -> None:
    """Make every failure of the app a problem response, and describe what that is."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            components = describe().setdefault("components", {})
            components["schemas"] = components.get("schemas", {}) | problem_schemas()
        return describe()

    app.openapi = openapi  # type: ignore[method-assign]

    @app.exception_handler(ServiceError)
    async def expected(request: Request, error: ServiceError) -> JSONResponse:
        return respond(request, error.status, str(error), headers=error.headers)

    @app.exception_handler(HTTPException)
    async def routing(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(sorted(_methods(request)))
        return respond(request, HTTPStatus(error.status_code), error.detail, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        status, detail = HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not valid."
        if any(it["type"] == "json_invalid" for it in error.errors()):
            status, detail = HTTPStatus.BAD_REQUEST, "The body is not JSON."
        elif any((it["type"], it["loc"][-1]) == ("missing", "If-Match") for it in error.errors()):
            status, detail = HTTPStatus.PRECONDITION_REQUIRED, "Send the ETag as If-Match."
        found = [
            Fault(field=".".join(map(str, item["loc"])), message=item["msg"])
            for item in error.errors()
        ]
        return respond(request, status, detail, found)

    @app.exception_handler(ConnectionError)
    async def database_away(request: Request, error: Exception) -> JSONResponse:
        log.error("database away", path=request.url.path, error=str(error))
        return respond(request, Away.status, "The database does not answer.", headers=LATER)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        # This is outside the middleware, which therefore adds the id to neither the log nor the answer.
        request_id = request.scope.get(REQUEST_ID, "")
        log.error("request failed", path=request.url.path, request_id=request_id, exc_info=error)
        headers = {"X-Request-ID": request_id}
        return respond(request, HTTPStatus.INTERNAL_SERVER_ERROR, "It is logged.", headers=headers)


def _methods(request: Request) -> set[str]:
    """All methods of an address; Starlette knows those of the first route that has the path."""
    routes = (it for it in request.app.routes if isinstance(it, Route))
    fitting = (it for it in routes if it.matches(request.scope)[0] is not Match.NONE)
    return {method for route in fitting for method in route.methods or ()}
