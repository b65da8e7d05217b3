"""Tokens, by which users prove who they are: JSON Web Tokens (RFC 7519) that this service signs."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import jwt

from services.common.config import Settings
from services.common.utils import now

ALGORITHM = "HS256"


def issue(user: UUID, settings: Settings) -> str:
    """A new token of a user."""
    expires_at = now() + timedelta(hours=settings.token_lifetime_h)
    claims = {"sub": str(user), "exp": expires_at}
    return jwt.encode(claims, settings.token_key.get_secret_value(), ALGORITHM)


def user_of(token: str, settings: Settings) -> UUID | None:
    """Whose token it is, if it is valid."""
    key = settings.token_key.get_secret_value()
    try:
        claims = jwt.decode(token, key, [ALGORITHM], options={"require": ["sub", "exp"]})
    except jwt.InvalidTokenError:
        return None
    return UUID(claims["sub"])
