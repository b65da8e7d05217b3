"""Commands of packages that are none of the project's, in an environment that uv makes for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.commands import run

FOR_THE_PROJECT = ("VIRTUAL_ENV", "UV_PYTHON")
"""Settings that would lead such a command into the project's own environment."""


def run_tool(
    package: str,
    extra: str,
    *command: str,
    folder: Path,
    variables: Mapping[str, str],
    given: bytes | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of a package, with another package installed as well, in this environment.

    Raises:
        FileNotFoundError: The package manager is not there.
    """
    program = os.environ.get("UV") or shutil.which("uv")  # `uv run` tells where it is
    if not program:
        fix = f"install uv, or run this with `{run('plan …')}`"
        raise FileNotFoundError(f"uv is not there. Fix: {fix}")
    kept = {name: it for name, it in variables.items() if name not in FOR_THE_PROJECT}
    tool: Sequence[str] = (program, "tool", "run", "--from", package, "--with", extra, *command)
    return subprocess.run(tool, cwd=folder, env=kept, input=given, capture_output=True)
