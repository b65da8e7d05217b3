"""API keys authenticate callers; keys that everybody knows are for development only."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from services.common.auth import authentication
from services.common.auth.callers import Caller
from services.common.config import Settings, load_settings
from services.common.errors import Unauthorized
from tests.fixtures.system import settings_for


@pytest.fixture
def settings() -> Settings:
    keys = {"shop": SecretStr("key-1"), "office": SecretStr("key-2")}
    roles = {"office": ["editor"]}
    return settings_for({}).model_copy(update={"api_keys": keys, "api_key_roles": roles})


@pytest.mark.parametrize(
    ("key", "caller"),
    [
        ("key-1", Caller("shop", is_service=False)),
        ("key-2", Caller("office", is_service=False, roles=frozenset({"editor"}))),
    ],
)
async def test_a_key_tells_its_caller_and_the_roles(
    settings: Settings, key: str, caller: Caller
) -> None:
    assert await authentication.authenticate(key, settings) == caller


@pytest.mark.parametrize("key", [None, "", "key", "key-3", "shop"])
async def test_a_missing_or_unknown_key_is_refused(settings: Settings, key: str | None) -> None:
    with pytest.raises(Unauthorized, match="Send a valid key in the X-API-Key header") as caught:
        await authentication.authenticate(key, settings)
    assert caught.value.headers == {"WWW-Authenticate": 'ApiKey realm="services"'}


def test_the_setting_is_named_if_it_is_not_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("API_KEYS", "no JSON")
    with pytest.raises(SystemExit, match="api_keys"):
        load_settings()


def test_a_key_that_is_empty_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("API_KEYS", '{"shop": ""}')
    with pytest.raises(SystemExit, match=r"API_KEYS\.SHOP: "):
        load_settings()


@pytest.mark.parametrize(
    ("key", "loopback_only", "refused"),
    [
        ("dev-key", True, False),
        ("dev-key", False, True),
        ("another", False, False),
    ],
)
def test_the_example_key_is_refused_unless_the_process_is_local(
    key: str, loopback_only: bool, refused: bool
) -> None:
    settings = settings_for({}).model_copy(update={"api_keys": {"shop": SecretStr(key)}})
    unsafe = authentication.unsafe_settings(settings, loopback_only=loopback_only)
    assert ("shop has the key of .env.example" in unsafe) is refused
    assert bool(unsafe) is refused


def test_developers_are_told_the_key_of_the_example_and_no_other() -> None:
    example = {"API_KEYS": '{"shop": "dev-key"}'}
    told = authentication.advice({"API_KEYS": '{"shop": "dev-key"}'}, example)
    assert told == "Send a key with each request: X-API-Key: dev-key"
    told = authentication.advice({"API_KEYS": '{"shop": "secret"}'}, example)
    assert told == "Send a key with each request: X-API-Key: one of your API_KEYS"
