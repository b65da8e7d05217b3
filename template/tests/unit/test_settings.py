"""Settings are checked before a service starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from dotenv import dotenv_values

from services.common.config import Settings, load_settings
from scripts.processes import ROOT


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SERVICE_KEY", raising=False)
    with pytest.raises(SystemExit, match="SERVICE_KEY: Field required"):
        load_settings()


def test_the_example_names_every_setting_and_is_valid() -> None:
    example = dotenv_values(ROOT / ".env.example")
    assert {name.lower() for name in example} == set(Settings.model_fields)
    Settings(_env_file=ROOT / ".env.example")  # type: ignore[call-arg]
