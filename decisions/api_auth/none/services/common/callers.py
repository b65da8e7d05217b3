"""Callers from outside prove nothing: only programs of this machine reach the services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Header

from services.common.config import Settings
from services.common.errors import Unauthorized

HERE = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)
"""The names of this machine, as `Host` has them."""


async def _meant(
    host: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> str | None:
    return host


Credential = Annotated[str | None, Depends(_meant)]
"""The machine that the caller meant: a browser names the site of the page that sent it."""


async def recognize(credential: Credential, settings: Settings) -> str:
    """The name of the caller: nobody in particular.

    Raises:
        Unauthorized: A page of another site sent it, which found this machine under a name of its own.
    """
    if not HERE.fullmatch(credential or ""):
        raise Unauthorized("Only programs of this machine may call.", 'Host realm="this machine"')
    return "anybody"


def advice(environment: Mapping[str, str], example: Mapping[str, str | None]) -> str:
    """How a developer calls the services with the settings of `environment`."""
    return "Requests from this machine need no key."


def fault(settings: Settings, *, alone: bool) -> str:
    """What is wrong with the settings of a process, which this machine reaches `alone` or others, too."""
    return "" if alone else "Nobody proves who calls, so no other machine may: leave out --host."
