"""The routes in the code of services, and the requirements that they name in a tag or in their docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.planning.imports import parsed
from scripts.planning.model import Model

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""Those that OpenAPI knows."""
REQUIREMENT = re.compile(r"\bFR-\d+\b")


@dataclass(frozen=True)
class Route:
    """A route, as the code of a service has it."""

    name: str
    service: str
    method: str
    path: str
    """As its router has it, without the version of the API: `/items/unread`."""
    file: str
    line: int
    requirements: tuple[str, ...]

    @property
    def address(self) -> str:
        return f"{self.method} {self.path}"

    def __str__(self) -> str:
        requirements = ", ".join(self.requirements) or "no requirement"
        where = f"{self.file}:{self.line}"
        return f"{self.name}: {self.address}, a route of {self.service} ({where}); {requirements}"


def own_routes(root: Path, model: Model) -> Iterator[Route]:
    """The routes in the owned files of services, in order."""
    owned = (it for it in model.owned if it.startswith("services/"))
    for file, tree in parsed(root, owned):
        yield from routes(file, tree)


def routes(file: str, tree: ast.Module) -> Iterator[Route]:
    """The routes in a module of a service."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _routes(file, node)


def _routes(file: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Route]:
    """What a function under `@router.get("/items/unread", tags=["FR-003"])` answers."""
    for mark in function.decorator_list:
        match mark:
            case ast.Call(
                func=ast.Attribute(attr=method), args=[ast.Constant(value=str(path)), *_]
            ) if method in METHODS:
                named = ast.unparse(mark) + (ast.get_docstring(function) or "")
                yield Route(
                    function.name,
                    file.split("/")[1],
                    method.upper(),
                    path,
                    file,
                    mark.lineno,
                    tuple(sorted(set(REQUIREMENT.findall(named)))),
                )
