"""Callers from outside call each service directly, so each service authenticates them (`authentication.py`)."""

from __future__ import annotations

from services.common.auth import authentication
from services.common.auth.callers import Caller
from services.common.config import Settings

CREDENTIAL = authentication.CREDENTIAL
"""The credential of callers from outside; services have one of their own."""
OPEN_TO_BROWSERS = True
"""Whether browsers call the services, from the origins in ALLOWED_ORIGINS."""


async def identify(credential: str | None, sender: Caller | None, settings: Settings) -> Caller:
    """Identify the caller: the service that sends the request, or a caller from outside.

    Raises:
        Unauthorized: The caller is neither.
    """
    return sender or await authentication.authenticate(credential, settings)
