"""Negotiation of the API version, which a header names."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Response

from services.common.api.versioning import CURRENT, HEADER, Version


async def negotiate_version(
    response: Response, version: Annotated[Version, Header(alias=HEADER)] = CURRENT
) -> None:
    """Answer in the version that the request names, and name it; FastAPI refuses any other."""
    response.headers[HEADER] = version
