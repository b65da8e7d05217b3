"""What it takes to change a decision later: measured on the bookshop, flip by flip.

`uv run tests/reversal.py` writes the figures into `decisions/<id>/reversal.yml`; a test keeps them in step.
"""

from __future__ import annotations

import difflib
import sys
import tempfile
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from copier import run_copy
from copier.errors import UserMessageError

if TYPE_CHECKING:
    from groundplan.catalogue import Catalogue

REPOSITORY = Path(__file__).resolve().parents[1]
HEAD = "# The dearest flip of this decision, outside Planning; `uv run tests/reversal.py` measures it anew.\n"

UNBOUND = {"data_sensitivity": ["none"], "distribution": "internal", "slos": "tbd", "decision_overrides": {}}
"""Answers under which as many options as possible can be chosen."""

Files = dict[str, list[str]]


def measured(catalogue: Catalogue, template: Path, folder: Path) -> dict[str, dict[str, int]]:
    """By decision with a choice: the files and the lines that its dearest flip touches."""
    return {
        decision.id: _dearest(
            [_made(template, folder / option.name, decision.id, option.name) for option in decision.offered]
        )
        for decision in catalogue.decisions
        if not decision.settled
    }


def _dearest(variants: list[Files | None]) -> dict[str, int]:
    made = [files for files in variants if files is not None]
    files, lines = max((_cost(one, other) for one, other in combinations(made, 2)), default=(0, 0))
    return {"files": files, "lines": lines}


def _made(template: Path, target: Path, id: str, option: str) -> Files | None:
    """What the project consists of with an option; nothing where the product cannot have it."""
    bookshop = yaml.safe_load((REPOSITORY / "examples" / "bookshop.yml").read_text("utf-8"))
    opened = {name: "auto" for name in bookshop if (REPOSITORY / "decisions" / name).is_dir()}
    project = target.with_name(f"{id}-{option}")
    try:
        answers = bookshop | opened | UNBOUND | {id: option}
        run_copy(str(template), project, data=answers, unsafe=True, defaults=True, quiet=True)
    except UserMessageError:
        return None
    files = (path for path in project.rglob("*") if path.is_file() and path.name != ".copier-answers.yml")
    named = {path.relative_to(project).as_posix(): path for path in files}
    return {name: path.read_text("utf-8").splitlines() for name, path in named.items() if name[:9] != "Planning/"}


def _cost(one: Files, other: Files) -> tuple[int, int]:
    """How many files differ, and how many lines come or go."""
    names = [name for name in {*one, *other} if one.get(name) != other.get(name)]
    changes = (line for name in names for line in difflib.unified_diff(one.get(name, []), other.get(name, []), n=0))
    return len(names), sum(line[0] in "+-" and line[:3] not in ("+++", "---") for line in changes)


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY / "extensions"))
    from groundplan.catalogue import load

    with tempfile.TemporaryDirectory() as name:
        found = measured(load(REPOSITORY / "decisions"), REPOSITORY, Path(name) / "projects")
    for id, cost in found.items():
        (REPOSITORY / "decisions" / id / "reversal.yml").write_text(HEAD + yaml.safe_dump(cost))
        print(f"{id}: {cost['files']} files, {cost['lines']} lines")
