"""Who calls: the other services by their key, callers from outside as `callers.py` knows them."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader

from services.common import callers
from services.common.config import Settings
from services.common.errors import Unauthorized
from services.common.utils import same

AS_SERVICE = "X-API-Key"
"""The header with the key of the services."""
SERVICES = "services"
"""The name under which the other services call."""

service_key = APIKeyHeader(name=AS_SERVICE, auto_error=False)


async def identify(
    request: Request,
    key: Annotated[str | None, Security(service_key)],
    credential: callers.Credential,
) -> str:
    """The name of the caller.

    Raises:
        Unauthorized: It did not prove who it is.
    """
    settings: Settings = request.app.state.settings
    if key and same(key, settings.service_key.get_secret_value()):
        name = SERVICES
    else:
        name = await callers.recognize(credential, settings)
    structlog.contextvars.bind_contextvars(caller=name)
    return name


async def only_services(caller: Annotated[str, Depends(identify)]) -> None:
    """Refuse callers from outside."""
    if caller != SERVICES:
        raise Unauthorized("Only the other services may call this.", 'ApiKey realm="services"')
