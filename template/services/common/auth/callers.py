"""Callers, and where a request carries what proves who they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SERVICE_KEY_HEADER = "X-API-Key"
"""The header with the key of the services; callers that have keys of their own use it, too."""


@dataclass(frozen=True)
class Caller:
    """Who sent a request."""

    name: str
    is_service: bool
    """Whether it is another service; a caller from outside may bear any name."""
    roles: frozenset[str] = frozenset()
    """Those that its key or token gives it; services have none."""
    claims: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What else was proved of it: the claims of its token, if it has one."""


SERVICE_CALLER = Caller("services", is_service=True)
"""The other services, and the service itself where an event or a job causes something."""

ANONYMOUS = Caller("anonymous", is_service=False)
"""The caller of a public route, where nobody is asked who it is."""


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
