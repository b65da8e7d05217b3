"""Callers from outside authenticate with API keys."""

from __future__ import annotations

from collections.abc import Mapping

from services.common.auth.callers import SERVICE_KEY_HEADER, Caller, HeaderCredential
from services.common.config import Settings
from services.common.errors import Unauthorized
from services.common.utils import secrets_match

CREDENTIAL = HeaderCredential(SERVICE_KEY_HEADER)
EXAMPLE_KEY = "dev-key"
"""The key in `.env.example`, for development."""


async def authenticate(credential: str | None, settings: Settings) -> Caller:
    """Tell who calls, and in which roles.

    Raises:
        Unauthorized: The key is missing or unknown.
    """
    for name, key in settings.api_keys.items():
        if credential and secrets_match(credential, key.get_secret_value()):
            roles = frozenset(settings.api_key_roles.get(name, ()))
            return Caller(name, is_service=False, roles=roles)
    challenge = 'ApiKey realm="services"'
    raise Unauthorized(f"Send a valid key in the {CREDENTIAL.name} header.", challenge)


def advice(environment: Mapping[str, str], example: Mapping[str, str | None]) -> str:
    """How a developer calls the services with the settings of `environment`."""
    keys = environment["API_KEYS"]
    key = EXAMPLE_KEY if keys == example["API_KEYS"] else "one of your API_KEYS"
    return f"Send a key with each request: {CREDENTIAL.name}: {key}"


def unsafe_settings(settings: Settings, *, loopback_only: bool) -> str:
    """What makes the settings unsafe for a process that other machines reach, or only this one; empty if nothing."""
    well_known = [
        name for name, key in settings.api_keys.items() if key.get_secret_value() == EXAMPLE_KEY
    ]
    if well_known and not loopback_only:
        return f"API_KEYS: {well_known[0]} has the key of .env.example, which everybody knows."
    return ""
