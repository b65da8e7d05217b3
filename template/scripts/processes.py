"""The processes that `config/processes.toml` lists; `serve NAME [--host ADDRESS]` runs one."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn

from services.common.auth import authentication
from services.common.config import Settings, load_settings

ROOT = Path(__file__).resolve().parent.parent

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Where no other machine reaches a process."""


@dataclass(frozen=True)
class Process:
    """A process that serves one or more services."""

    name: str
    app: str
    host: str
    port: int
    services: dict[str, str]
    """The services in it, each with the path under which it is mounted; none where it stands before them."""

    @property
    def urls(self) -> dict[str, str]:
        """Where what it serves is found, by name."""
        return {it: self.url(it) for it in self.services} or {self.name: self.base}

    @property
    def base(self) -> str:
        """Where the process is found."""
        return f"http://{self.host}:{self.port}"

    def url(self, service: str) -> str:
        """Where a service of the process is found."""
        return f"{self.base}{self.services[service]}"


def load_processes() -> list[Process]:
    """Read the list."""
    return [Process(**entry) for entry in _read().get("process", [])]


def _read() -> dict[str, Any]:
    return tomllib.loads((ROOT / "config" / "processes.toml").read_text(encoding="utf-8"))


def load_page() -> tuple[str, int]:
    """Host and port of the page that `dev` shows."""
    page = _read()["page"]
    return page["host"], page["port"]


def service_names() -> list[str]:
    """The services of all processes, in order."""
    return [name for process in load_processes() for name in process.services]


def services_with_database() -> list[str]:
    """Those that keep something."""
    return [it for it in service_names() if f"{it}_database_url" in Settings.model_fields]


def end_with_input() -> None:
    """Stop this process when standard input ends, as it does with the process that started it."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until a signal stops the process."""
    processes = {process.name: process for process in load_processes()}
    parser = argparse.ArgumentParser(prog="serve", description="Run one process of the project.")
    parser.add_argument("name", choices=sorted(processes))
    parser.add_argument("--host", help="the address to listen on, where it is another than listed")
    parser.add_argument("--end-with-input", action="store_true", help="as `dev` starts it")
    asked = parser.parse_args()
    process = processes[asked.name]
    host = asked.host or process.host
    if asked.end_with_input:
        Thread(target=end_with_input, daemon=True).start()
    settings = load_settings()  # what is missing is reported here, in a line
    if unsafe := authentication.unsafe_settings(settings, loopback_only=host in LOOPBACK):
        sys.exit(f"Settings (see .env.example): {unsafe}")
    # The services configure logging themselves, uvicorn's included.
    uvicorn.run(process.app, host=host, port=process.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
