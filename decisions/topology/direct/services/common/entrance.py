"""Callers from outside come to each service themselves, and prove there who they are."""

from __future__ import annotations

from services.common import callers
from services.common.config import Settings

Sent = callers.Credential
"""What a request brings beside the key of the services."""


async def outsider(sent: Sent, settings: Settings, *, has_key: bool) -> str | None:
    """The name of a caller from outside; `None` for another service, which has the key.

    Raises:
        Unauthorized: The caller is neither.
    """
    return None if has_key else await callers.recognize(sent, settings)
