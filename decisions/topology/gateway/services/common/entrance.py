"""Callers from outside come through the gateway, which alone may say who they are."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import Depends, Header

from services.common.config import Settings
from services.common.errors import Unauthorized

CALLER = "X-Caller"
"""The header in which the gateway names the caller; it counts only beside the key of the services."""


async def _named(
    caller: Annotated[str | None, Header(alias=CALLER, include_in_schema=False)] = None,
) -> str | None:
    return caller


Sent = Annotated[str | None, Depends(_named)]
"""What a request brings beside the key of the services."""


async def outsider(sent: Sent, settings: Settings, *, has_key: bool) -> str | None:
    """The name of a caller from outside; `None` for another service.

    Raises:
        Unauthorized: The request came past the gateway.
    """
    if not has_key:
        raise Unauthorized("Call through the gateway.", 'ApiKey realm="services"')
    return None if sent is None else unquote(sent)


def named(caller: str) -> dict[str, str]:
    """The header that names a caller."""
    return {CALLER: quote(caller, safe=" @:+")}
