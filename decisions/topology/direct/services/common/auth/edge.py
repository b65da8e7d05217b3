"""The edge of the system: callers from outside reach each service directly, and authenticate there."""

from __future__ import annotations

from services.common.auth import authentication
from services.common.auth.callers import Caller
from services.common.config import Settings

CREDENTIAL = authentication.CREDENTIAL
"""What a request carries in addition to the key of the services."""


async def authenticate_outsider(
    credential: str | None, settings: Settings, *, has_key: bool
) -> Caller | None:
    """Tell who calls from outside, or None for a service, which has the key.

    Raises:
        Unauthorized: The caller is neither.
    """
    return None if has_key else await authentication.authenticate(credential, settings)
