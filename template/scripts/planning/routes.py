"""The routes in the code of services, with the requirements that they name, and the document of those that people added."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from scripts.commands import run
from scripts.planning.imports import parsed
from scripts.planning.model import Model

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""Those that OpenAPI knows."""
REQUIREMENT = re.compile(r"\bFR-\d+\b")
_IDS = r"FR-\d+(?:-AC\d+)?(?:(?:,| and) FR-\d+(?:-AC\d+)?)*"
MENTION = re.compile(rf"^{_IDS}:?|\s*\({_IDS}\)|(?<=[.,;])\s*{_IDS}\.?$")
"""Requirements beside what a docstring says, not in its sentence: `(FR-001, FR-002)`."""


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


DOCUMENT = "Planning/Routes.md"
HEADER = f"""\
# Routes of our own

<!-- Made from the code: `{run("plan routes")}` rewrites it. The docstrings in `routes.py` say what each route does. -->

What an error means, and what its caller does, is in the [error catalogue](ImplementationGuide.md#errors).
"""
COLUMNS = (
    *("Operation", "Method", "Path", "Does", "For"),
    *("Request", "Response", "Errors", "Requirements"),
)
ROW = re.compile(r"\| `(\w+)`")
"""The row of an operation."""


@dataclass(frozen=True)
class OwnRoute:
    """A route that people added, as its service describes it."""

    service: str
    name: str
    method: str
    path: str
    """With the version of the API: `/v1/items/unread`."""
    does: str
    callers: str
    """Who may call it."""
    request: tuple[str, ...]
    """What it takes beside its path."""
    answers: tuple[str, ...]
    errors: tuple[str, ...]
    requirements: tuple[str, ...]

    @property
    def address(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def row(self) -> tuple[str, ...]:
        """What the document says of it, column by column."""
        lists = (self.request, self.answers, self.errors, self.requirements)
        listed = (", ".join(it) or "–" for it in lists)
        return f"`{self.name}`", self.method, f"`{self.path}`", self.does, self.callers, *listed


def document(routes: Sequence[OwnRoute]) -> str:
    """The document of routes, or an empty text where there are none."""
    parts = [HEADER] if routes else []
    for service, its in groupby(routes, lambda it: it.service):
        rows = [COLUMNS, ("---",) * len(COLUMNS), *(it.row for it in its)]
        cells = ([cell.replace("|", "\\|") for cell in row] for row in rows)
        table = "".join(f"| {' | '.join(row)} |\n" for row in cells)
        parts.append(f"## {service}\n\n{table}")
    return "\n".join(parts)


def difference(found: str, routes: Sequence[OwnRoute]) -> tuple[int, str]:
    """The line on which a document differs from that of the routes, or 0, and what is wrong; an empty text if nothing is."""
    wanted = document(routes)
    if found == wanted:
        return 0, ""
    if not found:
        return 0, f"is missing, and {routes[0].name} is a route of {routes[0].service}"
    have, need = found.splitlines(), wanted.splitlines()
    beside = [number for number, it in enumerate(have, 1) if it not in need]
    differing = [*(it for it in need if it not in have), *(have[it - 1] for it in beside)]
    rows = [row[1] for it in differing if (row := ROW.match(it))]
    of = f" of {rows[0]}" if rows else ""
    return next(iter(beside), 0), f"does not say{of} what the code says"
