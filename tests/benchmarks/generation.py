"""How long `copier copy` takes: the bookshop against an empty template of as many files, and 1 to 100 services.

Run with `uv run python tests/benchmarks/generation.py`; prints a Markdown table for each.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from measure import BOOKSHOP, chain, copy, empty_template, medians, plain_template

ROUNDS = 7
SIZES = (1, 3, 10, 30, 100)


def against_empty(folder: Path, template: Path) -> None:
    project = folder / "bookshop"
    copy(template, project, BOOKSHOP)
    files = sum(path.is_file() for path in project.rglob("*"))
    empty = empty_template(folder / "empty", project)
    ours, nothing = medians(
        [partial(copy, template, folder / "a", BOOKSHOP), partial(copy, empty, folder / "b")], ROUNDS
    )
    print(f"| {files} files | seconds | ratio |\n|---|---|---|")
    print(f"| empty template | {nothing:.2f} | 1.00 |\n| bookshop | {ours:.2f} | {ours / nothing:.2f} |\n")


def by_size(folder: Path, template: Path) -> None:
    works = [
        partial(copy, template, folder / f"chain_{size}", chain(size, folder / f"chain_{size}.yml")) for size in SIZES
    ]
    times = medians(works, 3)
    print("| services | seconds | a further service, ms |\n|---|---|---|")
    for size, time in zip(SIZES, times, strict=True):
        more = f"{(time - times[0]) / (size - 1) * 1000:.0f}" if size > 1 else ""
        print(f"| {size} | {time:.2f} | {more} |")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        source = plain_template(Path(name) / "groundplan")
        against_empty(Path(name), source)
        by_size(Path(name), source)
