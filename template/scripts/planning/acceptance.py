"""How the acceptance tests stand: read from the files, without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from scripts.planning.model import Requirement

OPEN, DONE, NONE = "open", "done", "no test"


def states(root: Path, requirements: tuple[Requirement, ...]) -> dict[str, str]:
    """`open` while a test of a criterion should fail, else `done`; `no test` without one."""
    marked = dict(_functions(root))
    return {
        criterion: _state(criterion, marked)
        for requirement in requirements
        for criterion in requirement.criteria
    }


def _state(criterion: str, marked: dict[str, bool]) -> str:
    stem = f"test_{criterion.lower().replace('-', '_')}"
    mine = [mark for name, mark in marked.items() if name == stem or name.startswith(f"{stem}_")]
    return (OPEN if any(mine) else DONE) if mine else NONE


def _functions(root: Path) -> Iterator[tuple[str, bool]]:
    """The test functions of the project, and whether each is marked as expected to fail."""
    for path in sorted((root / "tests").rglob("test_*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node.name, any("xfail" in ast.unparse(mark) for mark in node.decorator_list)
