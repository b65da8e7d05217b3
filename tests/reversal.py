"""What it takes to change a decision later, flip by flip: measured on a product that can have most of its options.

That is the bookshop wherever it can have as many as another. Where no product can have two of them, the answers decide
and there is nothing to measure. `uv run tests/reversal.py` writes the figures into `decisions/<id>/reversal.yml`; a
test keeps them in step.
"""

from __future__ import annotations

import difflib
import sys
import tempfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml
from copier import run_copy

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "extensions"))  # where this is run by itself

from groundplan.catalogue import Catalogue, Decision, load  # noqa: E402
from groundplan.generation import build  # noqa: E402
from pairs import PRODUCTS, refused  # noqa: E402

HEAD = "# The most expensive change of this decision, outside Planning; `uv run tests/reversal.py` measures it anew.\n"

UNBOUND = {"data_sensitivity": ["none"], "distribution": "internal", "slos": "tbd", "decision_overrides": {}}
"""Answers under which as many options as possible can be chosen."""

Answers = dict[str, Any]
Files = dict[str, list[str]]


def measured(catalogue: Catalogue, template: Path, folder: Path) -> dict[str, dict[str, int]]:
    """By decision that can be changed: the files and the lines that its most expensive change touches."""
    found = {}
    for decision in catalogue.decisions:
        flips = max((_can_have(it, decision, catalogue) for it in _products()), key=len)
        if len(flips) > 1:
            made = [_made(template, folder / f"{decision.id}-{name}", answers) for name, answers in flips.items()]
            files, lines = max(_cost(one, other) for one, other in combinations(made, 2))
            found[decision.id] = {"files": files, "lines": lines}
    return found


def _products() -> Iterator[Answers]:
    """The bookshop and what pairs of options are tried on, with as few ties as possible."""
    bookshop = yaml.safe_load((REPOSITORY / "examples" / "bookshop.yml").read_text("utf-8"))
    opened = {name: "auto" for name in bookshop if (REPOSITORY / "decisions" / name).is_dir()}
    yield from ({**it, **opened, **UNBOUND} for it in (bookshop, *PRODUCTS.values()))


def _can_have(product: Answers, decision: Decision, catalogue: Catalogue) -> dict[str, Answers]:
    """By option that goes with the product: its answers with it."""
    flips = {option.name: {**product, decision.id: option.name} for option in decision.offered}
    return _alike({name: it for name, it in flips.items() if not refused(it, catalogue)}, decision, catalogue)


def _alike(flips: dict[str, Answers], decision: Decision, catalogue: Catalogue) -> dict[str, Answers]:
    """The same, where what an option takes along is taken for all, if they all go with it."""
    taken = [
        {it.decision.id: it.option.name for it in build(flip, catalogue).project.decisions} for flip in flips.values()
    ]
    moved = [id for id in (taken[0] if taken else ()) if id != decision.id and len({it[id] for it in taken}) > 1]
    for one in taken:
        alike = {name: {**flip, **{id: one[id] for id in moved}} for name, flip in flips.items()}
        if not any(refused(it, catalogue) for it in alike.values()):
            return alike
    return flips


def _made(template: Path, project: Path, answers: Answers) -> Files:
    """What the project of these answers consists of, outside Planning."""
    run_copy(str(template), project, data=answers, unsafe=True, defaults=True, quiet=True)
    files = (path for path in project.rglob("*") if path.is_file() and path.name != ".copier-answers.yml")
    named = {path.relative_to(project).as_posix(): path for path in files}
    return {name: path.read_text("utf-8").splitlines() for name, path in named.items() if name[:9] != "Planning/"}


def _cost(one: Files, other: Files) -> tuple[int, int]:
    """How many files differ, and how many lines come or go."""
    names = [name for name in {*one, *other} if one.get(name) != other.get(name)]
    changes = (line for name in names for line in difflib.unified_diff(one.get(name, []), other.get(name, []), n=0))
    return len(names), sum(line[0] in "+-" and line[:3] not in ("+++", "---") for line in changes)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        found = measured(load(REPOSITORY / "decisions"), REPOSITORY, Path(name) / "projects")
    for path in (REPOSITORY / "decisions").glob("*/reversal.yml"):
        path.unlink()
    for id, cost in found.items():
        (REPOSITORY / "decisions" / id / "reversal.yml").write_text(HEAD + yaml.safe_dump(cost))
        print(f"{id}: {cost['files']} files, {cost['lines']} lines")
