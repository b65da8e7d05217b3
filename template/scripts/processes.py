"""The processes of the project, as `config/processes.toml` lists them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Process:
    """A process that serves one or more services."""

    name: str
    app: str
    port: int
    services: dict[str, str]
    """The services in it, each with the path under which it is mounted."""

    def url(self, service: str) -> str:
        """Where a service of the process is on this machine."""
        return f"http://127.0.0.1:{self.port}{self.services[service]}"


def load_processes() -> list[Process]:
    """Read the list."""
    return [Process(**entry) for entry in _read().get("process", [])]


def _read() -> dict[str, Any]:
    return tomllib.loads((ROOT / "config" / "processes.toml").read_text(encoding="utf-8"))


def load_page_port() -> int:
    """The port of the page that `uv run dev` shows."""
    port: int = _read()["page_port"]
    return port


def service_names() -> list[str]:
    """The services of all processes, in order."""
    return [name for process in load_processes() for name in process.services]
