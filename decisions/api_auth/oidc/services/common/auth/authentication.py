"""Callers from outside authenticate with tokens of an identity provider (OpenID Connect)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any
from urllib.parse import urlsplit

import jwt

from services.common.auth.callers import BearerCredential, Caller
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


async def authenticate(credential: str | None, settings: Settings) -> Caller:
    """Tell who calls: the subject of its token, in the roles that the provider gave it.

    Raises:
        Unauthorized: The token is missing or not valid.
        ServiceUnavailable: The provider does not answer, so that its keys are unknown.
    """
    if credential is None:
        raise Unauthorized("Send a token: Authorization: Bearer …", "Bearer")
    try:
        claims = await _claims(credential, settings)
    except (jwt.PyJWTError, RecursionError, OverflowError) as error:
        raise Unauthorized(f"The token is not valid: {error}.", INVALID_BEARER) from error
    if not claims["sub"]:
        raise Unauthorized("The token has no subject.", INVALID_BEARER)
    roles = _listed(claims, settings.oidc_roles_claim)
    return Caller(claims["sub"], is_service=False, roles=roles, claims=claims)


def _listed(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """What a claim lists, as an array or as words; a name with dots also leads to one inside others."""
    found: Any = claims.get(name) or reduce(_inside, name.split("."), claims)
    values = found.split() if isinstance(found, str) else found
    if not isinstance(values, list):
        return frozenset()
    return frozenset(it for it in values if isinstance(it, str))


def _inside(claims: Any, name: str) -> Any:
    return claims.get(name) if isinstance(claims, Mapping) else None


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
