"""Errors as the RealWorld API words them: for each field or thing, what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel

from services.common.api.problems import title
from services.common.errors import Duplicate, Forbidden, NotFound, ServiceError, Unauthorized


class Errors(BaseModel):
    """What is wrong with a request."""

    errors: dict[str, list[str]]


class NoSuch(NotFound):
    """There is no such article, comment or profile."""

    def __init__(self, thing: str) -> None:
        super().__init__("not found")
        self.fields = (thing,)


class NotTheirs(Forbidden):
    """An article or a comment is somebody else's."""

    def __init__(self, thing: str) -> None:
        super().__init__("forbidden")
        self.fields = (thing,)


class Unauthenticated(Unauthorized):
    """The user did not prove who they are."""

    def __init__(self, proof: str, message: str) -> None:
        super().__init__(message, "Token")
        self.fields = (proof,)


class ConduitRoute(APIRoute):
    """A route whose errors are worded as the RealWorld API has them, and not as problem details."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of requests, with the errors that it raises as answers."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except ServiceError as error:
                return _respond(error.status, _said_of(error), error.headers)
            except RequestValidationError as error:
                return _respond(HTTPStatus.UNPROCESSABLE_ENTITY, _faults(error))

        return answer


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, for its OpenAPI description."""
    return {
        status: {"model": Errors, "description": title(HTTPStatus(status))} for status in statuses
    }


def _respond(
    status: HTTPStatus, errors: dict[str, list[str]], headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(Errors(errors=errors).model_dump(), status, headers)


def _said_of(error: ServiceError) -> dict[str, list[str]]:
    message = "has already been taken" if isinstance(error, Duplicate) else str(error)
    return {field: [message] for field in error.fields or ("body",)}


def _faults(error: RequestValidationError) -> dict[str, list[str]]:
    """What is wrong with each field of a request: `{"email": ["can't be blank"]}`."""
    faults: dict[str, list[str]] = {}
    for it in error.errors():
        field = [part for part in it["loc"] if isinstance(part, str)][-1]
        message = "can't be blank" if it["type"] == "missing" else it["msg"]
        faults.setdefault(field, []).append(message)
    return faults
