"""Where a request carries what proves its sender."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SERVICE_KEY_HEADER = "X-API-Key"
"""The header with the key of the services; callers that have keys of their own use it, too."""


@dataclass(frozen=True)
class HeaderCredential:
    """The value of a header."""

    name: str
    documented: bool = True
    """Whether the API description names it as an API key."""

    def read(self, headers: Mapping[str, str]) -> str | None:
        """What a request has there."""
        return headers.get(self.name)


@dataclass(frozen=True)
class BearerCredential:
    """A token in the `Authorization` header (RFC 6750)."""

    format: str
    """A hint for readers of the API description: `JWT`."""

    def read(self, headers: Mapping[str, str]) -> str | None:
        """What a request has there."""
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None


Credential = HeaderCredential | BearerCredential
