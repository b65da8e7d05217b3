"""What modules import, and what changes under those that import it.

What owned files import is an interface. A newer template that renames something of it knows so,
and writes the imports anew, in the folder where a change is made.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from scripts.planning.model import MODEL

LIBRARY = re.compile(r'^ *"([A-Za-z0-9._-]+)(?:\[[^]]*\])? *[<>=!~]', re.MULTILINE)
"""A library that a project needs, in some version."""
COMMON = "services/common/"
RENAMED = {
    "services.common.auth.credentials.BearerCredential": (
        "services.common.auth.callers.BearerCredential"
    ),
    "services.common.auth.credentials.HeaderCredential": (
        "services.common.auth.callers.HeaderCredential"
    ),
    "services.common.clients.resource.Clients": "services.common.clients.resource.HttpClients",
}
"""What names that owned files may import are called now."""


def imported(file: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The modules that a file imports, by their whole names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, it.name) for it in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = module_of(file, node)
            yield node.lineno, module
            yield from (
                (node.lineno, f"services.{it.name}") for it in node.names if module == "services"
            )


def module_of(file: str, node: ast.ImportFrom) -> str:
    """The whole name of the module from which a file imports something."""
    package = file.split("/")[:-1]
    above = package[: len(package) - node.level + 1] if node.level else []
    return ".".join((*above, *filter(None, [node.module])))


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


def missing(
    root: Path, files: Iterable[str], importers: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """What does not fit any more between some files and the rest of the project: a file, and what.

    Args:
        files: Those that stay as they are.
        importers: Others that may import names of theirs.
    """
    stay = {*files}
    for file, tree in parsed(root, stay):
        for module, name in _names(file, tree):
            if not _has(root, module, name):
                yield file, f"imports {module}.{name}, which is no more"
    for file, tree in parsed(root, {*importers} - stay):
        for module, name in _names(file, tree):
            home = f"{module.replace('.', '/')}.py"
            if home in stay and not _has(root, module, name):
                yield home, f"has no {name}, which {file} imports"


def _names(file: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The names that a file imports from modules of the project, each with its module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = module_of(file, node)
            if module.partition(".")[0] in ("services", "scripts", "tests"):
                yield from ((module, it.name) for it in node.names if it.name != "*")


def _has(root: Path, module: str, name: str) -> bool:
    """Whether a module defines a name, or may, or is a package that has such a module."""
    place = root / module.replace(".", "/")
    if (place / f"{name}.py").is_file() or (place / name).is_dir():
        return True
    source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if not source.is_file():
        return False
    return not {name, "*", "__getattr__"}.isdisjoint(_defined(source))


@cache
def _defined(source: Path) -> frozenset[str]:
    """The names that a module defines or imports; any, where it cannot be read."""
    try:
        tree = ast.parse(source.read_bytes())
    except (SyntaxError, ValueError):
        return frozenset("*")
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
    return frozenset(names)


def rewrite(root: Path, files: Iterable[str], renamed: Mapping[str, str] = RENAMED) -> None:
    """Write the imports of some files anew; the names in their code stay as they are."""
    for file, tree in parsed(root, files):
        lines = (root / file).read_bytes().splitlines(keepends=True)
        found = [it for it in _statements(file, tree, renamed) if _is_alone(it[0], lines)]
        for node, statements in sorted(found, key=lambda it: -it[0].lineno):
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            indent, comment = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
            written = (b"\n" + indent).join(it.encode() for it in statements)
            lines[first : last + 1] = [indent + written + comment]
        if found:
            (root / file).write_bytes(b"".join(lines))


def _is_alone(node: ast.ImportFrom, lines: list[bytes]) -> bool:
    """Whether an import has its lines for itself, but for a comment."""
    before = lines[node.lineno - 1][: node.col_offset]
    after = lines[(node.end_lineno or node.lineno) - 1][node.end_col_offset :]
    return not before.strip() and after.strip()[:1] in (b"", b"#")


def _statements(
    file: str, tree: ast.Module, renamed: Mapping[str, str]
) -> Iterator[tuple[ast.ImportFrom, list[str]]]:
    """The imports of a file that have renamed names, each with what takes its place."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = module_of(file, node)
        now = {it.name: renamed.get(f"{module}.{it.name}", "") for it in node.names}
        if not any(now.values()):
            continue
        kept = [_written(it.name, it.asname) for it in node.names if not now[it.name]]
        home = f"{'.' * node.level}{node.module or ''}"
        statements = [f"from {home} import {', '.join(kept)}"] if kept else []
        for it in node.names:
            if new := now[it.name]:
                home, _, name = new.rpartition(".")
                called = it.asname or it.name
                alias = called if called != name else None
                statements.append(f"from {home} import {_written(name, alias)}")
        yield node, statements


def _written(name: str, alias: str | None) -> str:
    return f"{name} as {alias}" if alias else name


if __name__ == "__main__":
    here = Path.cwd()
    rewrite(here, json.loads((here / MODEL).read_text("utf-8"))["owned"])
