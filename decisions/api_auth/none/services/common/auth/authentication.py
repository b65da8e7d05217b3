"""Callers from outside need not authenticate: only programs of this machine reach the services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from services.common.auth.callers import ANONYMOUS, Caller, HeaderCredential
from services.common.config import Settings
from services.common.errors import Unauthorized

CREDENTIAL = HeaderCredential("Host", documented=False)
"""The machine that the caller addressed: a browser sends the name from the page's link."""
THIS_MACHINE = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)


async def authenticate(credential: str | None, settings: Settings) -> Caller:
    """Let every caller be anonymous.

    Raises:
        Unauthorized: A page of another site sent the request, and reached this machine under the site's own name.
    """
    if not THIS_MACHINE.fullmatch(credential or ""):
        raise Unauthorized("Only programs of this machine may call.", 'Host realm="this machine"')
    return replace(ANONYMOUS, unrestricted=True)


def advice(environment: Mapping[str, str], example: Mapping[str, str | None]) -> str:
    """How a developer calls the services with the settings of `environment`."""
    return "Requests from this machine need no key."


def unsafe_settings(settings: Settings, *, loopback_only: bool) -> str:
    """What makes the settings unsafe for a process that other machines reach, or only this one; empty if nothing."""
    if loopback_only:
        return ""
    return (
        "Callers do not authenticate, so no other machine may reach the services: leave out --host."
    )
