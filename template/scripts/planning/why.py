"""`plan why`: which answers made a file or a line of it, and which files an answer reaches.

`plan trace`: which requirements anything of the project belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from scripts.planning.checks import Project
from scripts.planning.model import Entity, GeneratedFile, Model, Requirement


class UnknownNameError(Exception):
    """Nothing of that name is known; the message says what is near."""


def explain(root: Path, model: Model, what: str) -> Iterator[str]:
    """Say, line by line, what made a file (`FILE`, `FILE:LINE`) or what an answer reaches.

    Raises:
        Unknown: It is neither a file of the project nor a question.
        ValueError: The file has no such line.
    """
    if what in model.questions:
        yield from _reach(root, model, what)
        return
    file, line = _place(root, model, what)
    generated = _generated(model, file)
    owned = "yours: written once, no update touches it" if file in model.owned else "managed"
    if file in ALL:
        yield f"{file}: managed; every answer made it"
    elif (generated is None or not generated.answers) and file in model.owned:
        yield f"{file}: {owned}; no answer made it"
    elif generated is None:
        yield f"{file}: no answer made it; it is the same in every project, or your own"
    else:
        yield f"{file}{'' if line is None else f', line {line}'}: {owned}"
        yield from _origin(root, model, generated, line)


def _place(root: Path, model: Model, what: str) -> tuple[str, int | None]:
    """The file of `FILE` or `FILE:LINE`, and the line."""
    name, _, line = what.rpartition(":") if what.rpartition(":")[2].isdecimal() else (what, "", "")
    path = (root / name).resolve()
    if not path.is_file() or not path.is_relative_to(root.resolve()):
        near = get_close_matches(name, (*model.questions, *(it.file for it in model.generated)), 1)
        fix = f"try {near[0]}" if near else "name a path from the project's folder, or a question"
        raise UnknownNameError(
            f"{name} is neither a file of the project nor a question. Fix: {fix}"
        )
    return path.relative_to(root.resolve()).as_posix(), int(line) if line else None


def _generated(model: Model, file: str) -> GeneratedFile | None:
    return next((it for it in model.generated if it.file == file), None)


def origin(root: Path, model: Model, what: str) -> dict[str, object]:
    """The same as data: `answers`, and the `files` that they made with the lines where something of each begins."""
    if what in model.questions:
        files = [it for it in model.generated if what in it.answers]
        lines = [it.first_lines(what) if it.is_as_made(root) else () for it in files]
        shown = [{"file": it.file, "lines": at} for it, at in zip(files, lines, strict=True)]
        return {"answers": [what], "files": shown}
    file, line = _place(root, model, what)
    generated = _generated(model, file)
    if generated is None:
        answers = frozenset(model.questions if file in ALL else ())
    else:
        answers = (
            generated.answers
            if line is None or not generated.is_as_made(root)
            else generated.at(line)
        )
    return {"answers": sorted(answers), "files": [{"file": file, "lines": [line] if line else []}]}


ALL = ("Planning/model.json", ".copier-answers.yml")
"""The files that every answer made."""


def _origin(root: Path, model: Model, generated: GeneratedFile, line: int | None) -> Iterator[str]:
    """The answers that made a file or, while nobody has edited it, one of its lines."""
    answers = generated.answers
    if line is not None and generated.is_as_made(root):
        length = len((root / generated.file).read_text(encoding="utf-8").splitlines())
        if not 0 < line <= length:
            fix = f"name a line from 1 to {length}"
            raise ValueError(f"{generated.file} has no line {line}. Fix: {fix}")
        answers = generated.at(line)
    elif line is not None:
        yield "It was edited since it was made, so that this is about the whole file."
    decisions = {it.id: str(it) for it in model.decisions}
    for answer in sorted(answers):
        where = _lines(generated, answer) if line is None and generated.is_as_made(root) else ""
        yield f"  {decisions.get(answer, answer)}{where}"
    if not answers:
        yield "  no answer: it is the same in every project"
    elif generated.because_of and line is None:
        yield f"It is there because of {', '.join(generated.because_of)}."


def _reach(root: Path, model: Model, question: str) -> Iterator[str]:
    """The files that an answer made, and the decisions for which it speaks."""
    decisions = {it.id: it for it in model.decisions}
    if decision := decisions.get(question):
        yield str(decision)
    files = [it for it in model.generated if question in it.answers]
    yield f"{question} reaches {len(files) or 'no'} {'file' if len(files) == 1 else 'files'}{':' if files else '.'}"
    for it in files:
        yield f"  {it.file}{_lines(it, question) if it.is_as_made(root) else ''}"
    for spoken in decisions.values():
        if question in spoken.because:
            about = f"{spoken.id} = {spoken.option} ({spoken.record})"
            yield f"It speaks for {about}: `plan why {spoken.id}`."


def _lines(generated: GeneratedFile, answer: str) -> str:
    """Where a file owes something to an answer: `: lines 5, 23`."""
    if found := generated.first_lines(answer):
        return f": {'line' if len(found) == 1 else 'lines'} {', '.join(map(str, found))}"
    return ""


def requirements(project: Project, what: str) -> tuple[Requirement, ...]:
    """The requirements that something belongs to, by any name that it has; all of them for an empty one.

    Raises:
        Unknown: Nothing has that name.
    """
    known = _belonging(project)
    what = _named(what)
    if what not in known:
        near = get_close_matches(what, known, 1)
        fix = f"try {near[0]}" if near else "`plan trace` alone lists the requirements"
        raise UnknownNameError(f"{what} is nothing that a requirement could refer to. Fix: {fix}")
    return tuple(it for it in project.model.requirements if it.id in known[what])


def mentions(project: Project, what: str) -> tuple[str, ...]:
    """What there is to say of a target, a metric, a job, a workflow or an owned route, by any name that it has."""
    return tuple(it.summary for it in _others(project) if _named(what) in it.names)


def _named(what: str) -> str:
    """The name in what somebody asks for."""
    return re.sub(r"^(GET|POST|PUT|PATCH|DELETE) |^\./", "", what)


def _belonging(project: Project) -> dict[str, set[str]]:
    """The ids of requirements by all that leads to them."""
    model = project.model
    known: dict[str, set[str]] = {"": {it.id for it in model.requirements}}
    known |= {it.id: {it.requirement} for it in model.tasks}
    known |= {it.name: set() for it in model.services} | {it: set() for it in model.owned}
    known |= {it: set() for it in _spoken(model)}
    for it in model.requirements:
        for name in _names(model, it):
            known.setdefault(name, set()).add(it.id)
    features = {it.name: {it.id} for it in model.requirements}
    for other in _others(project):
        for name in other.names:
            its = (features.get(it) or known.get(it, set()) for it in other.leads_to)
            known.setdefault(name, set()).update(*its)
    of_criterion = {criterion: it.id for it in model.requirements for criterion in it.criteria}
    for test in project.tests:
        for name in (test.name, test.file):
            proven = (of_criterion[it] for it in test.criteria if it in of_criterion)
            known.setdefault(name, set()).update(proven)
    return known


def _spoken(model: Model) -> Iterator[str]:
    """The entities and their operations, and the events."""
    for entity in (it for service in model.services for it in service.entities):
        yield from (entity.name, *_addressed(model, entity))
    for table in model.tables:
        if table.document == "ArchitectureGuide.md" and table.header[0] == "Event":
            yield from (row[0].strip("`") for row in table.rows)


def _names(model: Model, it: Requirement) -> Iterator[str]:
    """All that leads to a requirement, but for its tests."""
    yield from (it.id, *it.criteria, *it.services, *it.endpoints, *it.events, it.task, it.tests)
    for service in model.services:
        if service.name not in it.services:
            continue
        for event in it.events:
            yield f"services/{service.name}/on_{event.replace('.', '_')}.py"
        for entity in service.entities:
            if set(names := tuple(_addressed(model, entity))) & set(it.endpoints):
                yield from (entity.name, entity.rules, *names)


def _addressed(model: Model, entity: Entity) -> Iterator[str]:
    """The operations of an entity, by their ids and by their addresses."""
    for it in model.about(entity):
        yield from (it.id, it.path)


@dataclass(frozen=True)
class Other:
    """What is not a requirement and belongs to some."""

    names: tuple[str, ...]
    summary: str
    leads_to: tuple[str, ...]
    """Names of services, entities and requirements, whose requirements are its own."""


def _others(project: Project) -> Iterator[Other]:
    """Targets, metrics, jobs and workflows, from the tables that list them; and owned routes."""
    for route in project.routes:
        yield Other((route.name, route.path), str(route), route.requirements)
    for table in project.model.tables:
        of = Path(table.document).stem
        rows = [[_spelled(cell) for cell in row] for row in table.rows]
        if table.header[0] == "Target or metric":
            yield from map(_measured, rows)
        elif table.header[:3] == ("Job", "Begins", "Code"):
            yield from (
                Other((name, file), f"{name}: a job of {of}, {begins}", (of,))
                for name, begins, file, *_ in rows
            )
        elif table.header[0] == "Workflow":
            yield from _led(of, rows)


NOTHING = "–"
"""What stands in an empty cell."""


def _spelled(cell: str) -> str:
    """What a cell of a table says."""
    return re.sub(r"\\(.)", r"\1", cell.replace("`", ""))


def _measured(row: Sequence[str]) -> Other:
    """A target or a metric."""
    id, on, task, shown_by = row[0].split()[0], *row[1:]
    parts = {"on": on, "task": task, "shown by": shown_by}
    summary = "; ".join(f"{label} {it}" for label, it in parts.items() if it != NOTHING)
    return Other((id, *({task} - {NOTHING})), f"{row[0]}: {summary}", (on, *on.split(", ")))


def _led(leader: str, rows: Sequence[Sequence[str]]) -> Iterator[Other]:
    """The workflows that a service leads, each with all of its steps."""
    for name in dict.fromkeys(row[0] for row in rows):
        mine = [row for row in rows if row[0] == name]
        starts = mine[0][1]
        steps = ", ".join(f"{step} in {service}" for _, _, step, service, *_ in mine)
        summary = f"{name}: a workflow of {leader}, starts on {starts}; {steps}"
        yield Other((name,), summary, (starts.rpartition(" ")[2],))
