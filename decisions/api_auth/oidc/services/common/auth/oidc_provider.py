"""The keys of the identity provider: fetched when they are needed, kept for a while, fetched anew when it changes them."""

from __future__ import annotations

import asyncio
import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import jwt
import structlog

from services.common.errors import ServiceUnavailable

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures by a key of which services know the public half only; a token may not ask for others."""

DEVELOPMENT = "development"
"""The issuer of the tokens that `token` makes; with another one its key counts for nothing."""
DEVELOPMENT_KEYS = Path("var", "development_keys.json")
"""Its public key, on this machine."""

KEPT_S = 600.0
"""After which keys are fetched anew, so that one that was withdrawn is forgotten."""
PAUSE_S = 10.0
"""Between two fetches at least, whatever callers send."""
TIMEOUT_S = 5.0
"""For a fetch as a whole."""

log = structlog.get_logger()


class Provider:
    """What an identity provider published; services of a process share it."""

    def __init__(
        self, issuer: str, jwks_url: str, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self.issuer = issuer
        self.jwks_url = jwks_url
        self.transport = transport
        self.keys: dict[str, jwt.PyJWK] = {}
        self.asked_at = self.answered_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def key(self, name: str) -> jwt.PyJWK | None:
        """The key of that name, or `None` where the provider has none.

        Raises:
            ServiceUnavailable: The provider does not answer.
        """
        known = self.keys.get(name)
        if known and (self._is_fresh() or self._fetching.locked()):
            return known
        async with self._fetching:
            if (name not in self.keys or not self._is_fresh()) and self._may_ask():
                await self._renew()
        if name not in self.keys and self.answered_at < self.asked_at:
            raise ServiceUnavailable("The identity provider does not answer.")
        return self.keys.get(name)

    def _is_fresh(self) -> bool:
        return time.monotonic() - self.answered_at < KEPT_S

    def _may_ask(self) -> bool:
        return time.monotonic() - self.asked_at >= PAUSE_S

    async def _renew(self) -> None:
        """Fetch the keys; those known go on to count where that fails."""
        self.asked_at = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                self.keys = _usable(await self._fetch())
        except (OSError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            log.warning("identity_provider_unavailable", issuer=self.issuer, error=repr(error))
        else:
            self.answered_at = time.monotonic()

    async def _fetch(self) -> Any:
        if self.issuer == DEVELOPMENT:
            return json.loads(DEVELOPMENT_KEYS.read_bytes()) if DEVELOPMENT_KEYS.exists() else {}
        async with httpx2.AsyncClient(transport=self.transport) as http:
            return await _json(http, self.jwks_url or await self._discovered(http))

    async def _discovered(self, http: httpx2.AsyncClient) -> str:
        """Where the provider says that its keys are."""
        found = await _json(http, f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if not isinstance(found, dict) or found.get("issuer") != self.issuer:
            raise ValueError(f"the configuration there is not that of {self.issuer}")
        url = str(found.get("jwks_uri"))
        if not url.startswith("https://") and self.issuer.startswith("https://"):
            raise ValueError(f"{url} is not an address that begins with https://")
        return url


async def _json(http: httpx2.AsyncClient, url: str) -> Any:
    answer = await http.get(url)
    return answer.raise_for_status().json()


def _usable(published: Any) -> dict[str, jwt.PyJWK]:
    """The keys for signatures, by name; others, and those of kinds that nobody here knows, are left out."""
    listed = published.get("keys", []) if isinstance(published, dict) else []
    usable: dict[str, jwt.PyJWK] = {}
    for it in listed if isinstance(listed, list) else []:
        try:
            key = jwt.PyJWK(it)
        except (jwt.PyJWTError, AttributeError, TypeError):
            continue
        if key.key_id and key.public_key_use in (None, "sig") and key.algorithm_name in ALGORITHMS:
            usable[key.key_id] = key
    return usable


@cache
def provider_of(issuer: str, jwks_url: str) -> Provider:
    """The provider that the settings name, one for all who ask."""
    return Provider(issuer, jwks_url)
