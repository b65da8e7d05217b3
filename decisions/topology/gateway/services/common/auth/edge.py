"""The edge of the system: callers from outside come through the gateway, which tells the services who they are."""

from __future__ import annotations

from urllib.parse import quote, unquote

from services.common.auth.credentials import HeaderCredential
from services.common.config import Settings
from services.common.errors import Unauthorized

CREDENTIAL = HeaderCredential("X-Caller", documented=False)
"""In it the gateway names the caller; it counts only together with the key of the services."""


async def authenticate_outsider(
    credential: str | None, settings: Settings, *, has_key: bool
) -> str | None:
    """Give the name of a caller from outside, or None for a service.

    Raises:
        Unauthorized: The request did not come through the gateway.
    """
    if not has_key:
        raise Unauthorized("Call through the gateway.", 'ApiKey realm="services"')
    return None if credential is None else unquote(credential)


def headers_naming(caller: str) -> dict[str, str]:
    """The headers by which the gateway tells a service who calls."""
    return {CREDENTIAL.name: quote(caller, safe=" @:+")}
