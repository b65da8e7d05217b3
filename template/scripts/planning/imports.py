"""What modules import, and what changes under those that import it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

LIBRARY = re.compile(r'^ *"([A-Za-z0-9._-]+)(?:\[[^]]*\])? *[<>=!~]', re.MULTILINE)
"""A library that a project needs, in some version."""
COMMON = "services/common/"


def imported(file: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The modules that a file imports, by their whole names."""
    package = file.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, it.name) for it in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join((*above, *filter(None, [node.module])))
            yield node.lineno, module
            yield from (
                (node.lineno, f"services.{it.name}") for it in node.names if module == "services"
            )


def parsed(root: Path, files: Iterable[str]) -> Iterator[tuple[str, ast.Module]]:
    """The modules among some files, without those that are missing or no Python: `check --code` tells of these."""
    for file in files:
        path = root / file
        if not file.endswith(".py") or not path.is_file():
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        yield file, tree


def libraries(pyproject: str) -> set[str]:
    """The libraries that a project needs, as they are imported."""
    return {it.replace("-", "_").casefold() for it in LIBRARY.findall(pyproject)}


def affected(
    root: Path, files: Iterable[str], changed: Iterable[str], gone: set[str]
) -> Iterator[str]:
    """The files that import a library that goes, or a module or package of `services/common` that changes."""
    touched = {_unit(it) for it in changed if it.startswith(COMMON)}
    for file, tree in parsed(root, files):
        modules = {module for _, module in imported(file, tree)}
        if any(it.split(".")[0] in gone or {it, it.rpartition(".")[0]} & touched for it in modules):
            yield file


def _unit(path: str) -> str:
    """The package of a module of `services/common`, or the module where it is in none."""
    folder = path.rpartition("/")[0]
    return (path.removesuffix(".py") if f"{folder}/" == COMMON else folder).replace("/", ".")
