"""What `plan check` costs in CPU time of its own, by the number of services.

Run with `uv run python tests/benchmarks/checking.py`; prints a Markdown table.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from measure import chain, copy, plain_template, run

SIZES = (10, 30, 100)
ROUNDS = 5


def cpu_seconds(project: Path) -> float:
    """The time that one check spends in its process, whatever else the machine does."""
    before = os.times()
    run(sys.executable, "-S", "-m", "scripts.planning.cli", "check", cwd=project)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = plain_template(folder / "groundplan")
        projects = [folder / f"project{size}" for size in SIZES]
        for size, project in zip(SIZES, projects, strict=True):
            copy(template, project, chain(size, folder / f"{size}.yml"))
        times = [[cpu_seconds(project) for project in projects] for _ in range(ROUNDS)]
        medians = [statistics.median(column) for column in zip(*times, strict=True)]
    print("| services | s of CPU | ratio to the first | ratio of services |\n|---|---|---|---|")
    for size, taken in zip(SIZES, medians, strict=True):
        print(f"| {size} | {taken:.2f} | {taken / medians[0]:.1f} | {size / SIZES[0]:.0f} |")
