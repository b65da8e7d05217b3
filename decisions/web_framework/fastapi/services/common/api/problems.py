"""Failures as problem details (RFC 9457): the exception handlers of an app, and what its API description says of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import Match

from services.common.errors import ServiceError
from services.common.models import FieldError, Problem
from services.common.observability.request_log import REQUEST_ID

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
SCHEMAS = "#/components/schemas/"
"""Where an OpenAPI description keeps its schemas."""
SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every response unless a route sets others: it is not stored, framed or sniffed."""
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


def title(status: HTTPStatus) -> str:
    """The title of a status in RFC 9110, of which older versions of Python have some otherwise."""
    return TITLES.get(status, status.phrase)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route, for its OpenAPI description."""
    return {
        status: {
            "description": title(HTTPStatus(status)),
            "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMAS + "Problem"}}},
        }
        for status in statuses
    }


def problem_schemas() -> dict[str, Any]:
    """The schemas that the problem responses refer to, by name."""
    schema = Problem.model_json_schema(ref_template=SCHEMAS + "{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def respond(
    request: Request,
    status: HTTPStatus,
    detail: str,
    errors: list[FieldError] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """A problem response that names its request."""
    problem = Problem(
        title=title(status),
        status=status,
        detail=detail,
        instance=quote(request.scope["path"]),  # the URL is unreadable if its query is not UTF-8
        request_id=request.scope.get(REQUEST_ID, ""),
        errors=errors or [],
    )
    return JSONResponse(
        problem.model_dump(exclude_defaults=True) | {"type": problem.type},
        int(status),
        SAFE_HEADERS | (headers or {}),
        media_type=MEDIA_TYPE,
    )


def install(app: FastAPI) -> None:
    """Respond to every failure of the app with a problem, and describe problems in its OpenAPI."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            components = describe().setdefault("components", {})
            components["schemas"] = components.get("schemas", {}) | problem_schemas()
        return describe()

    app.openapi = openapi  # type: ignore[method-assign]

    @app.exception_handler(ServiceError)
    async def service_error(request: Request, error: ServiceError) -> JSONResponse:
        found = [FieldError(field=it, message=text) for it, text in error.errors.items()]
        return respond(request, error.status, str(error), found, error.headers)

    @app.exception_handler(HTTPException)
    async def http_exception(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(sorted(_methods(request)))
        return respond(request, HTTPStatus(error.status_code), error.detail, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
        status, detail = HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not valid."
        if any(it["type"] == "json_invalid" for it in error.errors()):
            status, detail = HTTPStatus.BAD_REQUEST, "The body is not JSON."
        elif any((it["type"], it["loc"][-1]) == ("missing", "If-Match") for it in error.errors()):
            status, detail = HTTPStatus.PRECONDITION_REQUIRED, "Send the ETag as If-Match."
        found = [
            FieldError(field=".".join(map(str, item["loc"])), message=item["msg"])
            for item in error.errors()
        ]
        return respond(request, status, detail, found)

    @app.exception_handler(Exception)
    async def unhandled_exception(request: Request, error: Exception) -> JSONResponse:
        # Handled outside of the middleware, which adds the id to neither the log nor the response.
        request_id = request.scope.get(REQUEST_ID, "")
        log.error("request_failed", path=request.url.path, request_id=request_id, exc_info=error)
        # The server ends the connection, which a client that keeps it would use again.
        headers = {"X-Request-ID": request_id, "Connection": "close"}
        return respond(
            request, HTTPStatus.INTERNAL_SERVER_ERROR, "The failure is logged.", headers=headers
        )


def _methods(request: Request) -> set[str]:
    """All methods of a path; Starlette names only those of its first route."""
    routes = iter_route_contexts(request.app.routes)  # included routers are not routes themselves
    fitting = (it for it in routes if it.matches(request.scope)[0] is not Match.NONE)
    return {method for route in fitting for method in route.methods or ()}
