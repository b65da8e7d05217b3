"""No service imports another; what they share imports none of them (`tool.importlinter` in pyproject.toml)."""

from __future__ import annotations

import subprocess
import sys

from scripts.processes import ROOT


def test_the_import_contracts_hold() -> None:
    lint = [sys.executable, "-m", "importlinter.cli", "lint"]
    result = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
