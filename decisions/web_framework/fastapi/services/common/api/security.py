"""The callers of a request as dependencies, documented as security schemes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.base import SecurityBase

from services.common.auth import edge, identification
from services.common.auth.callers import (
    ANONYMOUS,
    SERVICE_KEY_HEADER,
    BearerCredential,
    Caller,
    Credential,
    HeaderCredential,
)

service_key = APIKeyHeader(name=SERVICE_KEY_HEADER, auto_error=False)


def scheme(credential: Credential) -> SecurityBase:
    """The security scheme that documents a credential."""
    match credential:
        case BearerCredential(format):
            return HTTPBearer(bearerFormat=format, scheme_name="token", auto_error=False)
        case HeaderCredential(name, documented=True) if name != SERVICE_KEY_HEADER:
            return APIKeyHeader(name=name, auto_error=False)
    return service_key


async def identify_caller(
    request: Request,
    _key: Annotated[object, Security(service_key)],
    _credential: Annotated[object, Security(scheme(edge.CREDENTIAL))],
) -> Caller:
    """Tell who calls; raises `Unauthorized`."""
    caller = await identification.identify(request.headers, request.app.state.settings)
    request.state.caller = caller
    return caller


def caller_of(request: Request) -> Caller:
    """Who calls, as far as the routes of the request ask; nobody is identified by public ones."""
    caller: Caller = getattr(request.state, "caller", ANONYMOUS)
    return caller


async def require_service_caller(caller: Annotated[Caller, Depends(identify_caller)]) -> None:
    """Refuse callers from outside; raises `Unauthorized`."""
    identification.require_service(caller)
