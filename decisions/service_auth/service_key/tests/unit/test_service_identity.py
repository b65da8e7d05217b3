"""The key that all services have is one that nobody guesses."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from services.common.auth import service_identity
from tests.fixtures.system import settings_for


@pytest.mark.parametrize(("length", "guessed"), [(15, True), (16, False)])
def test_a_short_key_stays_on_the_machine(length: int, guessed: bool) -> None:
    key = SecretStr("k" * length)
    settings = settings_for({}).model_copy(update={"service_key": key})
    unsafe = service_identity.unsafe_settings(settings, loopback_only=False)
    assert ("SERVICE_KEY needs at least 16 characters" in unsafe) is bool(unsafe) is guessed
    assert not service_identity.unsafe_settings(settings, loopback_only=True)


def test_what_services_prove_themselves_by_in_development_stays_on_the_machine() -> None:
    unsafe = service_identity.unsafe_settings(settings_for({}), loopback_only=False)
    assert "that of .env.example, which is public" in unsafe
    assert not service_identity.unsafe_settings(settings_for({}), loopback_only=True)
