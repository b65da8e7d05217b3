"""Callers from outside prove who they are with API keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Security

from services.common.config import Settings
from services.common.errors import Unauthorized
from services.common.http import key_header
from services.common.utils import same

HEADER = key_header.model.name
EXAMPLE = "dev-key"
"""The key of the example, for development."""

Credential = Annotated[str | None, Security(key_header)]
"""What a request brings to prove who sends it."""


async def recognize(credential: Credential, settings: Settings) -> str:
    """The name of the caller.

    Raises:
        Unauthorized: The key is missing or unknown.
    """
    for name, key in settings.api_keys.items():
        if credential and same(credential, key.get_secret_value()):
            return name
    raise Unauthorized(f"Send a valid key in the {HEADER} header.", 'ApiKey realm="services"')


def advice(environment: Mapping[str, str], example: Mapping[str, str | None]) -> str:
    """How a developer calls the services with the settings of `environment`."""
    keys = environment["API_KEYS"]
    key = EXAMPLE if keys == example["API_KEYS"] else "one of your API_KEYS"
    return f"Send a key with each request: {HEADER}: {key}"


def fault(settings: Settings, *, alone: bool) -> str:
    """What is wrong with the settings of a process, which this machine reaches `alone` or others, too."""
    known = [name for name, key in settings.api_keys.items() if key.get_secret_value() == EXAMPLE]
    if known and not alone:
        return f"API_KEYS: {known[0]} has the key of .env.example, which everybody knows."
    return ""
