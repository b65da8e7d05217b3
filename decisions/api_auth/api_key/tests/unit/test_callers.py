"""Keys of callers: how they are set, and which are not for everybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from services.common import callers
from services.common.config import load_settings
from tests.fixtures.system import settings_for


def test_keys_that_are_no_json_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("API_KEYS", "no JSON")
    with pytest.raises(SystemExit, match="api_keys"):
        load_settings()


@pytest.mark.parametrize(
    ("key", "alone", "refused"),
    [
        ("dev-key", True, False),
        ("dev-key", False, True),
        ("another", False, False),
    ],
)
def test_the_key_of_the_example_is_for_this_machine_alone(
    key: str, alone: bool, refused: bool
) -> None:
    settings = settings_for({}).model_copy(update={"api_keys": {"shop": SecretStr(key)}})
    assert bool(callers.fault(settings, alone=alone)) is refused
