"""The version of an API is in a header, so that the address of a record stays the same."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends as needs
from fastapi import Header, Response
from fastapi.params import Depends

PREFIX = ""
"""What the addresses of records begin with."""
HEADER = "API-Version"
Version = Literal["1"]
"""The versions that are served."""
CURRENT: Version = "1"
"""What a request gets that names none."""
WANTED = {HEADER: CURRENT}
"""The headers with which one service asks another for the version that it understands."""


async def negotiate(
    response: Response, version: Annotated[Version, Header(alias=HEADER)] = CURRENT
) -> None:
    """Answer in the version that is asked for, and say which it is; any other is refused."""
    response.headers[HEADER] = version


CHECKS: list[Depends] = [needs(negotiate)]
"""What every request for records has to pass."""
