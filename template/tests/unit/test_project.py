"""Settings, development and boundaries: what holds for the project as a whole."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import httpx2
import pytest
from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from services.common import config
from services.common.auth import authentication
from services.common.config import Settings, load_settings
from scripts.dev import page, settings_for_development, taken_ports
from scripts.processes import ROOT, load_processes, service_names


def test_a_setting_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SERVICE_KEY", raising=False)
    with pytest.raises(SystemExit, match="SERVICE_KEY: Field required"):
        load_settings()


def test_each_setting_that_is_missing_or_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SERVICE_KEY", raising=False)
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    with pytest.raises(SystemExit) as caught:
        load_settings()
    named = [it.partition(":")[0] for it in str(caught.value).partition(": ")[2].split("; ")]
    assert {"LOG_LEVEL", "SERVICE_KEY"} <= set(named)


def test_what_only_some_processes_need_is_missed_where_it_is_asked_for() -> None:
    name, *_ = service_names()
    settings = Settings(_env_file=ROOT / ".env.example")  # type: ignore[call-arg]
    without = settings.model_copy(update={f"{name}_database_url": None})
    with pytest.raises(SystemExit, match=f"{name.upper()}_DATABASE_URL: Field required"):
        without.database_url(name)
    secret = settings.model_copy(update={f"{name}_database_url": SecretStr("with a password")})
    assert secret.database_url(name) == "with a password"


def test_the_example_is_for_this_machine_alone() -> None:
    settings = Settings(_env_file=ROOT / ".env.example")  # type: ignore[call-arg]
    assert authentication.unsafe_settings(settings, loopback_only=True) == ""
    assert authentication.unsafe_settings(settings, loopback_only=False)


def test_the_example_names_every_setting_and_is_valid() -> None:
    example = dotenv_values(ROOT / ".env.example")
    classes = [it for it in vars(config).values() if isinstance(it, type)]
    settings = [it for it in classes if issubclass(it, BaseSettings)]
    read = {name for it in settings for name in it.model_fields}
    fix = "Fix: let each field of services/settings.py have a line in .env.example, and none be left over."
    assert {name.lower() for name in example} == read, fix
    Settings(_env_file=ROOT / ".env.example")  # type: ignore[call-arg]


def test_a_taken_port_is_named_with_who_wants_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        wanted = {"catalog": ("127.0.0.1", port)}
        assert taken_ports(wanted) == [f"Port {port} of catalog is taken."]
    assert taken_ports(wanted) == []


def test_development_needs_no_settings_of_ones_own() -> None:
    given = {name.lower() for name in settings_for_development()}
    assert set(Settings.model_fields) <= given


async def test_the_page_lists_every_service() -> None:
    transport = httpx2.ASGITransport(page(load_processes(), "a-key"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        shown = (await client.get("/")).text
    assert all(f"<td>{name}</td>" in shown for name in service_names())
    assert "a-key" in shown


def test_the_import_contracts_hold() -> None:
    lint = [sys.executable, "-m", "importlinter.cli", "lint"]
    result = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


async def test_the_examples_of_the_guide_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block of Python becomes the file that was named before it, and the tests in it are run."""
    guide = (ROOT / "Planning" / "ImplementationGuide.md").read_text("utf-8")
    for before, code in re.findall(r"([^#]*?)^```python\n(.*?)^```$", guide, re.M | re.S):
        (path,) = re.findall(r"[Ii]n `(\S+)\.py`", before)
        module = ModuleType(path.replace("/", "."))
        exec(code, vars(module))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        for name in filter(re.compile("test_").match, vars(module)):
            await getattr(module, name)()
