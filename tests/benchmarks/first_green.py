"""How long it takes, with a warm cache, from nothing to the bookshop's first green suite.

Run with `uv run python tests/benchmarks/first_green.py`; prints a Markdown table.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

from measure import BOOKSHOP, UV, copy, plain_template, run, seconds

ROUNDS = 5


def once(template: Path, project: Path) -> tuple[float, float, float]:
    """Seconds for copy, sync and suite."""
    times = (
        seconds(lambda: copy(template, project, BOOKSHOP)),
        seconds(lambda: run(UV, "sync", "--quiet", cwd=project)),
        seconds(lambda: run(UV, "run", "pytest", cwd=project)),
    )
    shutil.rmtree(project)
    return times


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        source = plain_template(Path(name) / "groundplan")
        once(source, Path(name) / "bookshop")  # warms uv's cache
        rounds = [once(source, Path(name) / "bookshop") for _ in range(ROUNDS)]
    columns = [statistics.median(column) for column in zip(*rounds, strict=True)]
    print("| copy | sync | suite | all |\n|---|---|---|---|")
    print(f"| {' | '.join(f'{column:.1f} s' for column in columns)} | {sum(columns):.1f} s |")
