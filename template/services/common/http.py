"""What the routes of every service share: keys, pages, conditional requests, the problems they answer with."""

from __future__ import annotations

from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from fastapi.security import APIKeyHeader

from services.common.errors import problems
from services.common.models import Record

RecordT = TypeVar("RecordT", bound=Record)

key_header = APIKeyHeader(name="X-API-Key", auto_error=False)
"""One scheme for the key of the services and for those of callers, so that a request is read once for both."""

CREATE = problems(400, 409, 422)
LIST = problems(422)
GET = problems(404, 422)
REPLACE = problems(400, 404, 409, 412, 422, 428)
DELETE = problems(404, 409, 412, 422, 428)

After = Annotated[UUID | None, Query(description="The `next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200, description="The most items on the page.")]
ETag = Annotated[str, Header(alias="If-Match", pattern=r'^"[1-9][0-9]{0,8}"$')]


async def read_version(if_match: ETag) -> int:
    """The version that the caller read, from its ETag (RFC 9110, section 13.1.1)."""
    return int(if_match.strip('"'))


Version = Annotated[int, Depends(read_version)]


def tagged(response: Response, record: RecordT) -> RecordT:
    """The record, with its version as the ETag of the response."""
    response.headers["ETag"] = f'"{record.version}"'
    return record


def created(request: Request, response: Response, record: RecordT) -> RecordT:
    """The new record, with its address."""
    response.headers["Location"] = f"{request.url.path}/{record.id}"
    return tagged(response, record)
