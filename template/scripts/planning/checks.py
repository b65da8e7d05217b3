"""The checks: do documents, folders, settings and acceptance tests still say what the model says?"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from os.path import normpath
from pathlib import Path
from urllib.parse import unquote

from scripts.planning.markdown import Document, FoundTable
from scripts.planning.model import Model, Requirement, Service, Table

OWNED = ("Planning/Notes.md", "Planning/Archive/")
"""What people write themselves: what is wrong there is reported and never fails."""

REMOVABLE = (*OWNED, "CHANGELOG.md", "services/", "tests/")
"""Where people may remove files: without an owned rule, the default applies."""

DOCUMENTS, SCAFFOLD, GAPS, CONSISTENCY = 5, 6, 7, 8
"""The checkpoints that findings belong to."""

OPEN, DONE, NONE = "open", "done", "no test"
"""How the test of an acceptance criterion stands."""


@dataclass(frozen=True)
class Finding:
    """Something that does not agree with the model."""

    checkpoint: int
    place: str
    message: str
    fix: str
    drift: bool = True
    """Whether it fails the check; else it is only reported."""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}. Fix: {self.fix}."


@dataclass(frozen=True)
class Project:
    """The model, and the files that should agree with it."""

    root: Path
    model: Model

    @cached_property
    def documents(self) -> dict[str, Document]:
        """Every Markdown file that can be read, by its path from the root."""
        found: dict[str, Document] = {}
        for path in self.markdown_files:
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            found[self.name(path)] = Document(path, text)
        return found

    @cached_property
    def markdown_files(self) -> tuple[Path, ...]:
        top = (self.root / name for name in ("README.md", "AGENTS.md"))
        planning = sorted((self.root / "Planning").rglob("*.md"))
        return tuple(path for path in (*top, *planning) if path.is_file())

    def name(self, path: Path) -> str:
        """A file's path from the root, or its whole path where it is outside."""
        inside = self.root == path or self.root in path.parents
        return (path.relative_to(self.root) if inside else path).as_posix()


def findings(project: Project) -> tuple[Finding, ...]:
    """Everything that does not agree, in the order of the checkpoints."""
    checks = (missing, unreadable, strangers, folders, ports, tables, links, ids, sizes)
    found = [finding for check in checks for finding in check(project)]
    return tuple(sorted(found, key=lambda it: (it.checkpoint, it.place)))


def missing(project: Project) -> Iterator[Finding]:
    """Documents of the model that are not there."""
    for name in project.model.documents:
        place = f"Planning/{name}"
        if not (project.root / place).is_file():
            yield Finding(DOCUMENTS, place, "is missing", _restore(place), not _owned(place))


def unreadable(project: Project) -> Iterator[Finding]:
    for path in project.markdown_files:
        place = project.name(path)
        if place not in project.documents:
            yield Finding(
                CONSISTENCY, place, "is not UTF-8 text", _restore(place), not _owned(place)
            )


def strangers(project: Project) -> Iterator[Finding]:
    """Specifications and decision records of nothing that the model knows."""
    known = set(project.model.documents)
    for folder in ("ServiceSpecifications", "Decisions"):
        for path in sorted((project.root / "Planning" / folder).glob("*.md")):
            if f"{folder}/{path.name}" not in known:
                move = "move it to Planning/Archive, or remove it"
                yield Finding(
                    CONSISTENCY, project.name(path), "describes nothing in the model", move
                )


def folders(project: Project) -> Iterator[Finding]:
    """Services without code, and code without a service."""
    names = {service.name for service in project.model.services}
    for name in sorted(names):
        place = f"services/{name}"
        if not (project.root / place / "__init__.py").is_file():
            yield Finding(SCAFFOLD, place, "has no code, and is in the model", _restore(place))
    for path in sorted((project.root / "services").glob("*/")):
        if path.name in names | {"common"} or not any(path.glob("*.py")):
            continue
        generated = (path / "main.py").is_file()
        what = "is a service that the model does not know" if generated else "is left of a service"
        fix = (
            "add it to the answer `services`"
            if generated
            else "keep what you need, remove the rest"
        )
        yield Finding(SCAFFOLD, project.name(path), what, fix, drift=generated)


def ports(project: Project) -> Iterator[Finding]:
    """Processes that do not serve what the model says where it says so."""
    place = "config/processes.toml"
    try:
        served = _served(tomllib.loads((project.root / place).read_text(encoding="utf-8")))
    except FileNotFoundError:
        yield Finding(SCAFFOLD, place, "is missing", _restore(place))
        return
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        yield Finding(SCAFFOLD, place, f"cannot be read ({error})", _restore(place))
        return
    for service in project.model.services:
        if service.name not in served:
            yield Finding(SCAFFOLD, place, f"does not serve {service.name}", _restore(place))
        elif served[service.name] != service.port:
            yield _other_port(place, service, served[service.name])


def _served(config: dict[str, list[dict[str, dict[str, str]]]]) -> dict[str, object]:
    """Port by service."""
    return {name: entry["port"] for entry in config["process"] for name in entry["services"]}


def _other_port(place: str, service: Service, port: object) -> Finding:
    message = f"serves {service.name} on port {port}, the model says {service.port}"
    return Finding(SCAFFOLD, place, message, "change the answer `services`, not this file")


def tables(project: Project) -> Iterator[Finding]:
    """Tables of managed documents whose facts differ from the model's."""
    for expected in project.model.tables:
        place = f"Planning/{expected.document}"
        document = project.documents.get(place)
        if document is None:
            continue
        shown = [table for table in document.tables if table.header == expected.header]
        if shown:
            yield from _differences(place, expected, shown[0])
        else:
            title = ", ".join(expected.header)
            yield Finding(CONSISTENCY, place, f"has no table of {title}", _restore(place))


def _differences(place: str, expected: Table, shown: FoundTable) -> Iterator[Finding]:
    """What a table says otherwise; rows are known by the fewest cells that tell them apart."""
    width = _key_width(expected)
    ours = {row[:width]: row for row in expected.rows}
    theirs = {row[:width]: row for row in shown.rows}
    where = f"{place}:{shown.line}"
    for key, row in ours.items():
        if key not in theirs:
            message = f"the table of {expected.header[0]} lacks {_plain(key)}"
            yield Finding(CONSISTENCY, where, message, _restore(place))
            continue
        for title, mine, other in zip(expected.header, row, theirs[key], strict=False):
            if mine != other:
                message = f"{title} of {_plain(key)} is {other!r}, the model says {mine!r}"
                yield Finding(CONSISTENCY, where, message, _restore(place))
    for key in theirs.keys() - ours.keys():
        message = (
            f"the table of {expected.header[0]} has {_plain(key)}, which the model does not know"
        )
        yield Finding(CONSISTENCY, where, message, "change the answers, or move it to Notes.md")


def _key_width(table: Table) -> int:
    widths = range(1, len(table.header) + 1)
    distinct = (
        width for width in widths if len({row[:width] for row in table.rows}) == len(table.rows)
    )
    return next(distinct, len(table.header))


def _plain(key: tuple[str, ...]) -> str:
    return " ".join(cell.replace("`", "").replace("\\", "") for cell in key)


def links(project: Project) -> Iterator[Finding]:
    """Links to files and headings that are not there; addresses of the web are not visited."""
    for place, document in project.documents.items():
        for link in document.links:
            if ":" in link.text.split("/")[0] or link.text.startswith("//"):
                continue
            file, _, heading = unquote(link.text).partition("#")
            path = Path(normpath(document.path.parent / file)) if file else document.path
            if fault := _fault(project, path, heading):
                drift = not _owned(place) and not project.name(path).startswith(REMOVABLE)
                fix = "correct the link, or restore what it leads to"
                message = f"links to {link.text}, {fault}"
                yield Finding(CONSISTENCY, f"{place}:{link.line}", message, fix, drift)


def _fault(project: Project, path: Path, heading: str) -> str:
    """Why a link leads nowhere, or an empty string."""
    if not path.exists():
        return "which is not there"
    known = project.documents.get(project.name(path))
    return "which has no such heading" if heading and known and heading not in known.anchors else ""


def ids(project: Project) -> Iterator[Finding]:
    """Ids that nothing in the model has."""
    known, retired = set(project.model.ids), set(project.model.retired_ids)
    for place, document in project.documents.items():
        if place.startswith("Planning/Archive/"):
            continue
        for id in document.ids:
            if id.text not in known:
                gone = id.text.partition("-AC")[0] in retired
                message = (
                    f"names {id.text}, which {'is retired' if gone else 'is not in the model'}"
                )
                drift = not _owned(place) and not gone
                yield Finding(
                    CONSISTENCY, f"{place}:{id.line}", message, "correct or remove it", drift
                )


def sizes(project: Project) -> Iterator[Finding]:
    """Documents longer than the project allows itself."""
    most = project.model.doc_budget_lines
    for place, document in project.documents.items():
        count = len(document.text.splitlines())
        if place.startswith("Planning/") and count > most:
            message = f"has {count} lines; `doc_budget_lines` is {most}"
            fix = "split it, or answer `doc_budget_lines` with more"
            yield Finding(CONSISTENCY, place, message, fix, drift=False)


def _owned(place: str) -> bool:
    return place.startswith(OWNED)


def _restore(place: str) -> str:
    return f"`git checkout -- {place}`, and change answers instead"


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
