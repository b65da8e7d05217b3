"""Services authenticate to each other with one shared key."""

from __future__ import annotations

from collections.abc import Mapping

from services.common.auth.callers import Caller, HeaderCredential
from services.common.config import MIN_KEY_LENGTH, Settings
from services.common.utils import secrets_match

CREDENTIAL = HeaderCredential("X-API-Key")
"""The credential of services."""
CHALLENGE = 'ApiKey realm="services"'
"""The challenge to callers that are no services (RFC 9110, section 11.6.1)."""
ANOTHER_SERVICE = Caller("another service", is_service=True, unrestricted=True)
"""The caller that sends the key: it does not say which service that is, so no record names one."""
EXAMPLE_KEY = "dev-service-key"
"""The key in `.env.example`, for development."""


def headers_for(sender: str, receiver: str, settings: Settings) -> dict[str, str]:
    """The headers that authenticate a service to another, made for each request."""
    return {CREDENTIAL.name: settings.service_key.get_secret_value()}


async def identify(headers: Mapping[str, str], receiver: str, settings: Settings) -> Caller | None:
    """Identify the service that sent a request to another; None if none did."""
    key = settings.service_key.get_secret_value()
    return ANOTHER_SERVICE if secrets_match(CREDENTIAL.read(headers) or "", key) else None


def unsafe_settings(settings: Settings, *, loopback_only: bool) -> str:
    """What makes the settings unsafe for a process that other machines reach, or only this one; empty if nothing."""
    key = settings.service_key.get_secret_value()
    if key == EXAMPLE_KEY and not loopback_only:
        return "SERVICE_KEY is that of .env.example, which is public."
    if len(key) < MIN_KEY_LENGTH and not loopback_only:
        return f"SERVICE_KEY needs at least {MIN_KEY_LENGTH} characters."
    return ""
