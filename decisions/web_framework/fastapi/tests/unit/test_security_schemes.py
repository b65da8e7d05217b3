"""What callers prove themselves by is described so that generated clients send it, and no request is refused for it."""

from __future__ import annotations

from fastapi.security import APIKeyHeader, HTTPBearer

from services.common.api.security import scheme, service_key
from services.common.auth.callers import (
    SERVICE_KEY_HEADER,
    BearerCredential,
    HeaderCredential,
)


def test_a_token_is_described_as_a_bearer_token() -> None:
    token = scheme(BearerCredential("JWT"))
    assert isinstance(token, HTTPBearer)
    assert (token.scheme_name, token.model.bearerFormat) == ("token", "JWT")  # type: ignore[attr-defined]
    assert token.auto_error is False


def test_a_key_of_its_own_is_described_as_an_api_key() -> None:
    key = scheme(HeaderCredential("X-Other-Key"))
    assert isinstance(key, APIKeyHeader)
    assert (key.model.name, key.auto_error) == ("X-Other-Key", False)


def test_the_key_of_the_services_and_what_is_not_documented_add_no_scheme() -> None:
    assert scheme(HeaderCredential(SERVICE_KEY_HEADER)) is service_key
    assert scheme(HeaderCredential("X-Caller", documented=False)) is service_key
