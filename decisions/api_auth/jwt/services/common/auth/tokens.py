"""Tokens of callers: what makes one valid, whoever issued it."""

from __future__ import annotations

from typing import Any

import jwt

from services.common.auth.published_keys import ALGORITHMS, Provider
from services.common.errors import Unauthorized

LEEWAY_S = 10
"""How far the clocks of the issuer and of a service may be apart."""
REQUIRED_CLAIMS = ["exp", "iss", "aud", "sub"]
"""Expiry, issuer, audience and subject (RFC 7519)."""
MAX_SUBJECT_LENGTH = 255
"""Of the name of a caller, as fields of records have it."""
INVALID_BEARER = 'Bearer error="invalid_token"'


async def verified(
    token: str | None, provider: Provider, *, issuer: str, audience: str
) -> dict[str, Any]:
    """The claims of a token that the issuer made for an audience, with a key that the provider publishes.

    Raises:
        Unauthorized: The token is missing or not valid.
        ServiceUnavailable: The provider does not answer, so that its keys are unknown.
    """
    if token is None:
        raise Unauthorized("Send a token: Authorization: Bearer …", "Bearer")
    try:
        claims = await _claims(token, provider, issuer, audience)
    except (jwt.PyJWTError, RecursionError, OverflowError) as error:
        raise Unauthorized(f"The token is not valid: {error}.", INVALID_BEARER) from error
    if not (0 < len(claims["sub"]) <= MAX_SUBJECT_LENGTH and claims["sub"].isprintable()):
        raise Unauthorized("The token has no subject that is a name.", INVALID_BEARER)
    return claims


def texts_in(claim: object) -> frozenset[str]:
    """The texts that a claim lists; none if it is no list."""
    listed = claim if isinstance(claim, list) else []
    return frozenset(it for it in listed if isinstance(it, str))


async def _claims(token: str, provider: Provider, issuer: str, audience: str) -> dict[str, Any]:
    key_id = jwt.get_unverified_header(token).get("kid", "")
    key = await provider.key(key_id)
    if key is None:
        raise jwt.InvalidKeyError("it is not signed with a key of the provider")
    return jwt.decode(
        token,
        key,
        algorithms=ALGORITHMS,
        audience=audience,
        issuer=issuer,
        leeway=LEEWAY_S,
        options={"require": REQUIRED_CLAIMS},
    )
