"""The edge of the system: callers from outside reach each service directly, and authenticate there."""

from __future__ import annotations

from services.common.auth import authentication
from services.common.auth.callers import Caller
from services.common.config import Settings

CREDENTIAL = authentication.CREDENTIAL
"""What proves who a caller from outside is; services send their own key instead."""


async def authenticate_outsider(
    credential: str | None, settings: Settings, *, has_service_key: bool
) -> Caller | None:
    """Tell who calls from outside, or None for a service, which has the key.

    Raises:
        Unauthorized: The caller is neither.
    """
    return None if has_service_key else await authentication.authenticate(credential, settings)
