"""What stands in for the identity provider's token endpoint in development: it signs with the key of this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import jwt

from services.common.auth import development_key
from services.common.auth.oidc_provider import DEVELOPMENT

LIFETIME_S = 300


def answer(client: str, form: Mapping[str, str]) -> httpx2.Response:
    """Answer a client's request for a token as a provider does; who is on this machine needs no secret."""
    folder = Path()
    claims: dict[str, Any] = {"sub": client}
    if "subject_token" in form:
        try:
            claims = jwt.decode(
                form["subject_token"],
                development_key.load_or_create(folder).public_key(),
                algorithms=[development_key.ALGORITHM],
                audience=client,  # who was sent the token
                issuer=DEVELOPMENT,
            )
        except jwt.PyJWTError as error:
            refusal = {"error": "invalid_request", "error_description": str(error)}
            return httpx2.Response(400, json=refusal)
    now = int(time.time())
    issued = {"iss": DEVELOPMENT, "aud": form["audience"], "azp": client, "iat": now}
    token = development_key.sign(folder, {**claims, **issued, "exp": now + LIFETIME_S})
    return httpx2.Response(200, json={"access_token": token, "expires_in": LIFETIME_S})
