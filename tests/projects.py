"""What tests of generated projects share: interpreters, free ports, commands in a project, and its model."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
import yaml

from groundplan import catalogue, generation, project
from idle import idle

REPOSITORY = Path(__file__).parent.parent
EXAMPLES = sorted((REPOSITORY / "examples").glob("*.yml"))
GENERATED = [it for it in EXAMPLES if not it.with_suffix("").is_dir()]
"""Those that are nothing but what is generated; `test_products.py` tries the others with what is written for them."""

UV = os.environ.get("UV", "uv")
"""`uv run` tells what it runs where it is, so that it need not be on the path."""

OLDEST, NEWEST = "3.11", "3.13"
"""The versions of Python that generated projects are tested on."""

POSTGRES = ("127.0.0.1", 5432)
SERVER = "postgresql+asyncpg://postgres:postgres@127.0.0.1:5432"
ASYNCPG = "asyncpg==0.32.0"

DROP = """
import asyncio, asyncpg, sys

async def main(server, start):
    connection = await asyncpg.connect(f"{server}/postgres")
    for row in await connection.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", start):
        await connection.execute(f'DROP DATABASE "{row["datname"]}" WITH (FORCE)')
    for row in await connection.fetch("SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1)", start):
        await connection.execute(f'DROP ROLE "{row["rolname"]}"')
    await connection.close()

asyncio.run(main(*sys.argv[1:]))
"""


def answers(example: Path) -> dict[str, object]:
    content = yaml.safe_load(example.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def model(path: Path) -> project.Project:
    """The model of a generated project, built again from the answers that it records."""
    recorded = yaml.safe_load((path / ".copier-answers.yml").read_text(encoding="utf-8"))
    named = {name: value for name, value in recorded.items() if not name.startswith("_")}
    return generation.build(named, catalogue.load(REPOSITORY / "decisions")).project


@cache
def interpreter(version: str) -> str:
    """Where a version of Python is; skips the test where it is not."""
    found = subprocess.run(
        [UV, "python", "find", "--no-project", "--no-python-downloads", version], capture_output=True, text=True
    )
    if found.returncode:
        pytest.skip(f"Python {version} is not installed; `uv python install {version}` does it")
    return found.stdout.strip()


def uses_postgres(model: project.Project) -> bool:
    return any(variable.default.startswith("postgresql") for variable in model.environment)


def need_postgres() -> None:
    """Skip the test where no PostgreSQL answers."""
    try:
        socket.create_connection(POSTGRES, timeout=1).close()
    except OSError:
        pytest.skip(
            "no PostgreSQL on 127.0.0.1:5432 that lets `postgres` in without a password;"
            " `pg_ctlcluster 15 main start` starts Debian's, `.ci/run` starts one for its tests"
        )


def drop(folder: Path, start: str) -> None:
    """Remove the databases and roles from the server whose names start like this."""
    server = SERVER.replace("+asyncpg", "")
    run(folder, "--no-project", "--with", ASYNCPG, "python", "-c", DROP, server, start)


def environment(python: str = "", **variables: str) -> dict[str, str]:
    """The environment for a command of somebody else: this process's, without what points at its own."""
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    own = str(Path(sys.prefix) / "bin")
    path = os.pathsep.join(folder for folder in kept["PATH"].split(os.pathsep) if folder != own)
    chosen = {"UV_PYTHON": python} if python else {}
    return kept | {"PATH": path} | chosen | variables


def run(path: Path, *command: str, env: Mapping[str, str] | None = None) -> str:
    """Run a command in a project's environment and return what it printed; fail with that if it fails."""
    result = subprocess.run(
        [UV, "run", "--quiet", *command],
        cwd=path,
        env=env or environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}"
    return result.stdout


def check_whole(path: Path, env: Mapping[str, str] | None = None) -> None:
    """Fail unless a project is linted, formatted, strictly typed and layered, no test is skipped and nothing is idle.

    Its workflows are this repository's own, too: "Use this template" can neither add nor change one.
    """
    for workflow in sorted((path / ".github").rglob("*.yml")):
        assert workflow.read_bytes() == (REPOSITORY / workflow.relative_to(path)).read_bytes(), workflow
    unused = idle(path)
    assert not unused, f"nothing uses {', '.join(sorted(unused))}"
    run(path, "ruff", "check", "--quiet", ".", env=env)
    run(path, "ruff", "format", "--check", "--quiet", ".", env=env)
    run(path, "mypy", env=env)
    run(path, "lint-imports", env=env)
    last = run(path, "pytest", "--quiet", env=env).splitlines()[-1]
    assert " passed" in last, last
    assert "skipped" not in last, last


def check_whole_and_in_step(path: Path) -> None:
    """Fail unless a project is whole, and its code is what its documents say."""
    check_whole(path)
    run(path, "plan", "check", "--code")


def free_ports(count: int) -> int:
    """The first of so many consecutive ports that nothing listens on.

    Each process looks in its own range, below those that the system gives to outgoing connections, so that tests
    that run at the same time do not find the same.
    """
    start = 10_000 + os.getpid() % 200 * 100
    for first in range(start, start + 100 - count, count):
        if all(map(is_free, range(first, first + count))):
            return first
    raise RuntimeError(f"no {count} consecutive free ports from {start} on")


def free_port_base(services: int) -> int:
    """An answer for `port_base`: nobody listens on the ports of so many services and on the page's, before them."""
    return free_ports(services + 1) + 1


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
