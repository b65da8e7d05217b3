"""The responses of routes: records with their version as an ETag, and the problems that the API description lists."""

from __future__ import annotations

from typing import TypeVar

from fastapi import Request, Response
from pydantic import BaseModel

from services.common.api.problems import problem_responses
from services.common.models import Record

RecordT = TypeVar("RecordT", bound=Record)

CREATE = problem_responses(400, 403, 409)
LIST = problem_responses(403)
GET = problem_responses(403, 404, 409)
UPDATE = problem_responses(400, 403, 404, 409, 412, 428)
DELETE = problem_responses(403, 404, 409, 412, 428)


def with_etag(response: Response, record: RecordT) -> RecordT:
    """The response with a record, and its version as the ETag."""
    response.headers["ETag"] = f'"{record.version}"'
    return record


def created(request: Request, response: Response, record: RecordT) -> RecordT:
    """The response with a new record, and its URL as the Location."""
    response.headers.update(headers_of_new(request.url.path, record))
    return record


def headers_of_new(path: str, result: BaseModel) -> dict[str, str]:
    """The headers of the response to a request that created something at a path."""
    if not isinstance(result, Record):
        return {}
    return {"ETag": f'"{result.version}"', "Location": f"{path}/{result.id}"}
