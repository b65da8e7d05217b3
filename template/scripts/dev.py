"""Start everything for development, with one page that shows it: `dev`. Ctrl-C stops all."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from html import escape

import httpx2
import uvicorn
from dotenv import dotenv_values

from services.common.api.asgi import ASGIApp, Receive, Scope, Send
from services.common.auth import authentication
from services.common.config import PROJECT
from services.common.observability import log_format
from scripts.migrate import migrate_all
from scripts.processes import ROOT, Process, load_page, load_processes, services_with_database

GIVE_UP_AFTER = 3
"""Starts in a row that end within `TOO_SOON_S` seconds."""
TOO_SOON_S = 5.0

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<title>{project}</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 46rem; padding: 0 1rem }}
  table {{ border-collapse: collapse; width: 100% }}
  td, th {{ border-bottom: 1px solid #ddd; padding: .5rem; text-align: left }}
  .ready {{ color: #06702d }} .away {{ color: #b00020 }}
</style>
<h1>{project}</h1>
<table>
<tr><th>Service</th><th>Health</th><th>Address</th><th>Documentation</th></tr>
{rows}
</table>
<p>{advice}</p>
</html>
"""
ROW = """<tr><td>{name}</td><td class="{health}">{health}</td><td>{url}</td>
<td><a href="{url}/docs">docs</a></td></tr>"""


def settings_for_development() -> dict[str, str]:
    """The environment of the processes: what is set, then `.env`, then the example's values."""
    files = (dotenv_values(ROOT / name) for name in (".env", ".env.example"))
    mine, example = ({k: v for k, v in file.items() if v is not None} for file in files)
    return {**example, **log_format.FOR_DEVELOPMENT, **mine, **os.environ}


def taken_ports(wanted: Mapping[str, tuple[str, int]]) -> list[str]:
    """A line for each port that something else listens on."""
    taken = []
    for name, (host, port) in wanted.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                taken.append(f"Port {port} of {name} is taken.")
    return taken


async def supervise(process: Process, environment: Mapping[str, str]) -> None:
    """Run a process, and start it again when it ends by itself.

    Raises:
        SystemExit: It keeps ending as soon as it is started.
    """
    failures = 0
    while failures < GIVE_UP_AFTER:
        started = time.monotonic()
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scripts.processes", process.name, "--end-with-input"),
            stdin=asyncio.subprocess.PIPE,  # it ends with this process, however that ends
            cwd=ROOT,
            env=environment,
            start_new_session=True,  # Ctrl-C is for this process, which ends the others in order
        )
        try:
            code = await child.wait()
        except asyncio.CancelledError:
            if child.returncode is None:
                child.terminate()
            await child.wait()
            raise
        failures = failures + 1 if time.monotonic() - started < TOO_SOON_S else 0
        await asyncio.sleep(1)
        print(f"{process.name} ended with code {code}; starting it again.", flush=True)
    raise SystemExit(f"{process.name} does not stay up: see its last lines above.")


async def health(client: httpx2.AsyncClient, url: str) -> str:
    """Ask a service whether it is ready."""
    try:
        response = await client.get(f"{url}/health/ready")
    except httpx2.TransportError:
        return "away"
    return "ready" if response.is_success else "away"


def page(processes: list[Process], advice: str) -> ASGIApp:
    """An application that shows one page, with all services."""
    urls = {name: url for process in processes for name, url in process.urls.items()}

    async def show(scope: Scope, receive: Receive, send: Send) -> None:
        async with httpx2.AsyncClient(timeout=1) as client:
            states = await asyncio.gather(*(health(client, url) for url in urls.values()))
        rows = (
            ROW.format(name=escape(name), url=url, health=state)
            for (name, url), state in zip(urls.items(), states, strict=True)
        )
        shown = PAGE.format(project=escape(PROJECT), rows="\n".join(rows), advice=escape(advice))
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": shown.encode()})

    return show


async def run(processes: list[Process], host: str, port: int, environment: dict[str, str]) -> None:
    """Run the processes and the page until Ctrl-C, or until one does not stay up."""
    os.environ.update(environment)
    await migrate_all(services_with_database())
    advice = authentication.advice(environment, dotenv_values(ROOT / ".env.example"))
    shown = page(processes, advice)
    config = uvicorn.Config(shown, host=host, port=port, log_level="warning", lifespan="off")
    tasks = [asyncio.create_task(supervise(process, environment)) for process in processes]
    tasks.append(asyncio.create_task(uvicorn.Server(config).serve()))
    print(f"{PROJECT}: http://{host}:{port} shows all services. Ctrl-C stops them.", flush=True)
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    """Start everything, or say why it cannot."""
    for name in ("SIGTERM", "SIGHUP"):  # end as on Ctrl-C, and leave no process behind
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    processes, page_at = load_processes(), load_page()
    wanted = {"this page": page_at} | {it.name: (it.host, it.port) for it in processes}
    if taken := taken_ports(wanted):
        sys.exit(
            "\n".join(taken)
            + "\nStop what uses it, or give another `port_base` (see README.md, Changing a decision)."
        )
    try:
        asyncio.run(run(processes, *page_at, settings_for_development()))
    except KeyboardInterrupt:
        print("Stopped.")
