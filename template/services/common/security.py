"""Who calls: API keys for callers from outside, the service key among the services."""

from __future__ import annotations

import hmac
from typing import Annotated

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader

from services.common.config import Settings
from services.common.errors import Unauthorized

SERVICES = "services"
"""The name under which the other services call."""

header = APIKeyHeader(name="X-API-Key", auto_error=False)


async def identify(request: Request, key: Annotated[str | None, Security(header)]) -> str:
    """The name of the caller.

    Raises:
        Unauthorized: The key is missing or unknown.
    """
    settings: Settings = request.app.state.settings
    known = {**settings.api_keys, SERVICES: settings.service_key}
    for name, secret in known.items():
        if key and hmac.compare_digest(secret.get_secret_value().encode(), key.encode()):
            structlog.contextvars.bind_contextvars(caller=name)
            return name
    raise Unauthorized("Send a valid key in the X-API-Key header.")


async def only_services(caller: Annotated[str, Depends(identify)]) -> None:
    """Refuse callers from outside."""
    if caller != SERVICES:
        raise Unauthorized("Only the other services may call this.")
