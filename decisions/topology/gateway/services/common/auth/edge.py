"""The edge of the system: callers from outside come through the gateway, which tells the services who they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote, unquote

from pydantic import TypeAdapter, ValidationError

from services.common.auth.callers import Caller, HeaderCredential
from services.common.config import Settings
from services.common.errors import Unauthorized

CREDENTIAL = HeaderCredential("X-Caller", documented=False)
"""In it the gateway tells who calls, as JSON; it counts only together with the key of the services."""
_CALLER = TypeAdapter(Caller)
_CHALLENGE = 'ApiKey realm="gateway"'


async def authenticate_outsider(
    credential: str | None, settings: Settings, *, has_service_key: bool
) -> Caller | None:
    """Tell who calls from outside, or None for a service.

    Raises:
        Unauthorized: The request did not come through the gateway.
    """
    if not has_service_key:
        raise Unauthorized("Call through the gateway.", _CHALLENGE)
    if credential is None:
        return None
    try:
        return replace(_CALLER.validate_json(unquote(credential)), is_service=False)
    except ValidationError as error:
        raise Unauthorized("X-Caller names no caller.", _CHALLENGE) from error


def headers_naming(caller: Caller) -> dict[str, str]:
    """The headers by which the gateway tells a service who calls."""
    return {CREDENTIAL.name: quote(_CALLER.dump_json(caller), safe='{}[]":, @+')}


def asks_who_calls(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a service refused a request because the gateway did not say who calls."""
    return (status, headers.get("WWW-Authenticate")) == (HTTPStatus.UNAUTHORIZED, _CHALLENGE)
