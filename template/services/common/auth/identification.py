"""Who calls: another service by the key of the services, or a caller from outside as `edge.py` authenticates it."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from services.common.auth import edge
from services.common.auth.callers import SERVICE_CALLER, SERVICE_KEY_HEADER, Caller
from services.common.config import Settings
from services.common.errors import Unauthorized
from services.common.utils import secrets_match


async def identify(headers: Mapping[str, str], settings: Settings) -> Caller:
    """Tell who calls.

    Raises:
        Unauthorized: The caller did not prove who it is.
    """
    key = headers.get(SERVICE_KEY_HEADER, "")
    has_service_key = secrets_match(key, settings.service_key.get_secret_value())
    credential = edge.CREDENTIAL.read(headers)
    outsider = await edge.authenticate_outsider(
        credential, settings, has_service_key=has_service_key
    )
    caller = outsider or SERVICE_CALLER
    structlog.contextvars.bind_contextvars(caller=caller.name)
    return caller


def require_service(caller: Caller) -> None:
    """Refuse callers from outside.

    Raises:
        Unauthorized: The caller is not a service: 401 and not 403, as nothing has proved that it is one.
    """
    if not caller.is_service:
        raise Unauthorized("Only the other services may call this.", 'ApiKey realm="services"')
