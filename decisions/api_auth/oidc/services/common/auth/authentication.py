"""Callers from outside authenticate with tokens of an identity provider (OpenID Connect)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt

from services.common.auth.credentials import BearerCredential
from services.common.auth.oidc_provider import ALGORITHMS, DEVELOPMENT, provider_of
from services.common.config import Settings
from services.common.errors import Unauthorized

CREDENTIAL = BearerCredential("JWT")
LEEWAY_S = 10
"""How far the clocks of the provider and of a service may be apart."""
REQUIRED_CLAIMS = ["exp", "iss", "aud", "sub"]
"""Expiry, issuer, audience and subject (RFC 7519)."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
INVALID_BEARER = 'Bearer error="invalid_token"'


async def authenticate(credential: str | None, settings: Settings) -> str:
    """Give the name of the caller: the subject of its token.

    Raises:
        Unauthorized: The token is missing or not valid.
        ServiceUnavailable: The provider does not answer, so that its keys are unknown.
    """
    if credential is None:
        raise Unauthorized("Send a token: Authorization: Bearer …", "Bearer")
    try:
        name: str = (await _claims(credential, settings))["sub"]
    except (jwt.PyJWTError, RecursionError, OverflowError) as error:
        raise Unauthorized(f"The token is not valid: {error}.", INVALID_BEARER) from error
    if not name:
        raise Unauthorized("The token has no subject.", INVALID_BEARER)
    return name


async def _claims(token: str, settings: Settings) -> dict[str, Any]:
    """The claims of a token, once it is verified."""
    key_id = jwt.get_unverified_header(token).get("kid", "")
    key = await provider_of(settings.oidc_issuer, settings.oidc_jwks_url).key(key_id)
    if key is None:
        raise jwt.InvalidKeyError("it is not signed with a key of the provider")
    return jwt.decode(
        token,
        key,
        algorithms=ALGORITHMS,
        audience=settings.oidc_audience,
        issuer=settings.oidc_issuer,
        leeway=LEEWAY_S,
        options={"require": REQUIRED_CLAIMS},
    )


def advice(environment: Mapping[str, str], example: Mapping[str, str | None]) -> str:
    """How a developer calls the services with the settings of `environment`."""
    issuer = environment["OIDC_ISSUER"]
    source = "the command `token` makes one" if issuer == DEVELOPMENT else f"{issuer} issues them"
    return f"Send a token with each request, as Authorization: Bearer …; {source}."


def unsafe_settings(settings: Settings, *, loopback_only: bool) -> str:
    """What makes the settings unsafe for a process that other machines reach, or only this one; empty if nothing."""
    if not settings.oidc_audience:
        return "OIDC_AUDIENCE is empty, so that no token would be for these services."
    if settings.oidc_issuer == DEVELOPMENT:
        if loopback_only:
            return ""
        return "OIDC_ISSUER: development is for this machine alone; name a provider."
    for name, url in (
        ("OIDC_ISSUER", settings.oidc_issuer),
        ("OIDC_JWKS_URL", settings.oidc_jwks_url or settings.oidc_issuer),
    ):
        if not _is_tamper_proof(url):
            return f"{name}: {url} does not begin with https://."
    return ""


def _is_tamper_proof(url: str) -> bool:
    """Whether nobody between here and the provider could replace its keys."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
