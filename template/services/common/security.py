"""Who calls: the other services by their key, callers from outside as `entrance.py` lets them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import Depends, Request, Security

from services.common import entrance
from services.common.config import Settings
from services.common.errors import Unauthorized
from services.common.http import key_header
from services.common.utils import same

AS_SERVICE = key_header.model.name
"""The header with the key of the services."""
SERVICES = "services"
"""The name under which the other services call."""


@dataclass(frozen=True)
class Caller:
    """Who sent a request."""

    name: str
    inside: bool
    """Whether it is another service, whatever somebody outside calls themselves."""


async def identify(
    request: Request,
    key: Annotated[str | None, Security(key_header)],
    sent: entrance.Sent,
) -> Caller:
    """Tell who calls.

    Raises:
        Unauthorized: It did not prove who it is.
    """
    settings: Settings = request.app.state.settings
    has_key = bool(key) and same(key or "", settings.service_key.get_secret_value())
    outsider = await entrance.outsider(sent, settings, has_key=has_key)
    caller = Caller(SERVICES, inside=True) if outsider is None else Caller(outsider, inside=False)
    structlog.contextvars.bind_contextvars(caller=caller.name)
    return caller


async def only_services(caller: Annotated[Caller, Depends(identify)]) -> None:
    """Refuse callers from outside."""
    if not caller.inside:
        raise Unauthorized("Only the other services may call this.", 'ApiKey realm="services"')
