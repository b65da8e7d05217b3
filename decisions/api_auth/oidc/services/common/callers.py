"""Callers from outside prove who they are with tokens that an identity provider signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import jwt
from fastapi import Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.common.config import Settings
from services.common.errors import Unauthorized
from services.common.provider import ALGORITHMS, DEVELOPMENT, provider_of

LEEWAY_S = 10
"""How far the clocks of the provider and of a service may be apart."""
REQUIRED = ["exp", "iss", "aud", "sub"]
"""What a token must say: until when it is good, from whom, for whom, and about whom."""

HERE = ("localhost", "127.0.0.1", "::1")
INVALID = 'Bearer error="invalid_token"'

Credential = Annotated[
    HTTPAuthorizationCredentials | None,
    Security(HTTPBearer(bearerFormat="JWT", scheme_name="token", auto_error=False)),
]
"""What a request brings to prove who sends it."""


async def recognize(credential: Credential, settings: Settings) -> str:
    """The name of the caller: the subject of its token.

    Raises:
        Unauthorized: There is no token, or it is not good here and now.
        Away: The provider does not say by which key to tell.
    """
    if credential is None:
        raise Unauthorized("Send a token: Authorization: Bearer …", "Bearer")
    try:
        name: str = (await _claims(credential.credentials, settings))["sub"]
    except (jwt.PyJWTError, RecursionError, OverflowError) as error:
        raise Unauthorized(f"The token is not valid: {error}.", INVALID) from error
    if not name:
        raise Unauthorized("The token is about nobody.", INVALID)
    return name


async def _claims(token: str, settings: Settings) -> dict[str, Any]:
    """What a token says, once all of it is checked."""
    named = jwt.get_unverified_header(token).get("kid", "")
    key = await provider_of(settings.oidc_issuer, settings.oidc_jwks_url).key(named)
    if key is None:
        raise jwt.InvalidKeyError("it is signed with no key of the provider")
    return jwt.decode(
        token,
        key,
        algorithms=ALGORITHMS,
        audience=settings.oidc_audience,
        issuer=settings.oidc_issuer,
        leeway=LEEWAY_S,
        options={"require": REQUIRED},
    )


def advice(environment: Mapping[str, str], example: Mapping[str, str | None]) -> str:
    """How a developer calls the services with the settings of `environment`."""
    issuer = environment["OIDC_ISSUER"]
    made = "`uv run token` makes one" if issuer == DEVELOPMENT else f"{issuer} gives them out"
    return f"Send a token with each request, as Authorization: Bearer …; {made}."


def fault(settings: Settings, *, alone: bool) -> str:
    """What is wrong with the settings of a process, which this machine reaches `alone` or others, too."""
    if not settings.oidc_audience:
        return "OIDC_AUDIENCE is empty, so that no token would be for these services."
    if settings.oidc_issuer == DEVELOPMENT:
        return (
            "" if alone else "OIDC_ISSUER: development is for this machine alone; name a provider."
        )
    for name, url in (
        ("OIDC_ISSUER", settings.oidc_issuer),
        ("OIDC_JWKS_URL", settings.oidc_jwks_url or settings.oidc_issuer),
    ):
        if not _is_safe(url):
            return f"{name}: {url} is no address that begins with https://."
    return ""


def _is_safe(url: str) -> bool:
    """Whether nobody on the way could give out keys of their own."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or _is_here(parts.scheme, parts.hostname)
        )
    except ValueError:
        return False


def _is_here(scheme: str, host: str | None) -> bool:
    return scheme == "http" and host in HERE
