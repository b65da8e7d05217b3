"""The identity provider: where it publishes its keys, and what stands in for it in development."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import httpx2

from services.common.auth import published_keys
from services.common.config import is_secure

DEVELOPMENT = "development"
"""The issuer of the tokens that `token` makes; with another one its key counts for nothing."""
DEVELOPMENT_KEYS = Path("var", "development_keys.json")
"""Its public key, on this machine."""


class Provider(published_keys.Provider):
    """A provider that says where its keys are, unless a setting does."""

    async def _fetch(self) -> Any:
        if self.issuer == DEVELOPMENT:
            return json.loads(DEVELOPMENT_KEYS.read_bytes()) if DEVELOPMENT_KEYS.exists() else {}
        return await super()._fetch()

    async def _url(self, http: httpx2.AsyncClient) -> str:
        return self.jwks_url or await self.discovered(http, "jwks_uri")

    async def discovered(self, http: httpx2.AsyncClient, name: str) -> str:
        """An address that the provider's configuration gives; raises `ValueError` if it gives none to trust."""
        found = await published_keys.get_json(
            http, f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        )
        if not isinstance(found, dict) or found.get("issuer") != self.issuer:
            raise ValueError(f"the configuration there is not that of {self.issuer}")
        url = str(found.get(name))
        if not is_secure(url):
            raise ValueError(f"{url} is not an address that begins with https://")
        return url


@cache
def provider_of(issuer: str, jwks_url: str) -> Provider:
    """The provider that the settings name, one for all who ask."""
    return Provider(issuer, jwks_url)
