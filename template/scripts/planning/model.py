"""What the answers make of the project, as the template recorded it.

Planning/model.json has all of it but the tasks, which Planning/tasks.json has for other tools, too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import SequenceMatcher
from functools import cache, cached_property
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

FORMAT = 1
MODEL = "Planning/model.json"


class Unreadable(Exception):
    """The model cannot be used; the message says why and what helps."""


@dataclass(frozen=True)
class Checkpoint:
    number: int
    title: str
    evidence: str


@dataclass(frozen=True)
class Entity:
    name: str
    rules: str
    """The owned file with its rules."""


@dataclass(frozen=True)
class Service:
    name: str
    url: str
    specification: str
    entities: tuple[Entity, ...]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a request, apart from its body."""

    name: str
    location: str
    """Where it is sent: `path`, `query` or `header`."""
    type: str
    """As types of fields are written: `uuid`."""
    required: bool


@dataclass(frozen=True)
class Operation:
    """A request that a service answers."""

    id: str
    """Its name in OpenAPI: `create_order`."""
    kind: str
    """`create`, `list`, `read`, `replace`, `patch`, `delete`, or `status` of a workflow."""
    service: str
    entity: str
    method: str
    path: str
    """`/v1/orders/{id}`"""
    parameters: tuple[Parameter, ...]
    body: str | None
    """The model of what is sent: `OrderDraft`."""
    answer: str | None
    """The model of what comes back: `Page[Order]`."""
    success: int
    problems: tuple[int, ...]
    access: str
    """For whom its address is: `callers`, `anyone` or `services`."""
    allowed: tuple[str, ...]
    """Who of them may do it: roles, the `owner` of the record, `callers` or `anyone`."""
    action: str
    """What it does in the words of a policy: `update` for `replace` and `patch`."""


@dataclass(frozen=True)
class Process:
    name: str
    port: int
    services: tuple[str, ...]


@dataclass(frozen=True)
class Requirement:
    id: str
    name: str
    priority: str
    services: tuple[str, ...]
    endpoints: tuple[str, ...]
    events: tuple[str, ...]
    task: str
    tests: str
    criteria: tuple[str, ...]


@dataclass(frozen=True)
class Gap:
    """A gap in the answers."""

    id: str
    rule: str
    category: str
    kind: str
    checkpoint: int
    subject: str
    message: str
    fix: str
    question: str
    waived_because: str
    waived_by: str
    waived_until: str
    """The last day of its waiver; empty without one."""


@dataclass(frozen=True)
class Rule:
    """A rule for answers that found something."""

    id: str
    title: str


@dataclass(frozen=True)
class Option:
    """Something to choose, and what speaks for it or comes of it here."""

    value: str
    """What `plan decide` takes, once `<...>` is filled in; empty where all is still to say."""
    label: str
    reason: str


@dataclass(frozen=True)
class Question:
    """A question that gaps wait for, as somebody is asked it."""

    question: str
    """The key that `plan decide` takes."""
    wording: str
    form: str
    example: str
    answer: str
    """What is answered today; empty where nothing is."""
    why: bool
    """Whether the answer needs a reason as well."""
    together: tuple[str, ...]
    """Questions without an answer that are asked before it, and decided in one command with it."""
    options: tuple[Option, ...]
    """Two to five, what is recommended first."""
    more: tuple[Option, ...]
    """What else may be chosen."""


@dataclass(frozen=True)
class Term:
    """A word of the glossary, and those that must not stand for it."""

    term: str
    not_called: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """A task of the plan; they stand in an order in which each comes after what it needs."""

    id: str
    title: str
    phase: int
    service: str
    requirement: str
    needs: tuple[str, ...]
    critical: bool
    hours: int | None
    """What people work on it, unless nobody estimates."""
    start_date: str | None
    finish_date: str | None


@dataclass(frozen=True)
class Plan:
    """What is read of Planning/tasks.json."""

    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Rows:
    """Where the services keep their rows; empty where nothing else could read them."""

    url: str
    """`{service}` in it stands for the service."""
    package: str
    """What has its driver."""


@dataclass(frozen=True)
class Table:
    """Rows that a document must show."""

    document: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Decision:
    """How a decision stands, with the questions whose answers speak for it."""

    id: str
    option: str
    how: str
    record: str
    because: tuple[str, ...]

    def __str__(self) -> str:
        causes = f"; for it speaks {', '.join(self.because)}" if self.because else ""
        return f"{self.id} = {self.option} ({self.record}, {self.how}{causes})"


@dataclass(frozen=True)
class GeneratedFile:
    """A file that answers made."""

    file: str
    mark: str
    """Tells whether it is still as it was made."""
    sums: str
    """The same of each line of a document, in four letters; empty for what is not a document."""
    because_of: tuple[str, ...]
    """The answers because of which there is such a file."""
    lines: tuple[str, ...]
    """`5 concept`: from line 5 on, up to the next entry, that answer speaks."""

    @cached_property
    def spans(self) -> tuple[tuple[int, frozenset[str]], ...]:
        """The first line of each part, and the answers that made it."""
        parts = (entry.split(" ") for entry in self.lines)
        return tuple((int(first), frozenset(answers)) for first, *answers in parts)

    @property
    def answers(self) -> frozenset[str]:
        return frozenset(self.because_of).union(*(answers for _, answers in self.spans))

    def at(self, line: int) -> frozenset[str]:
        """The answers that made a line."""
        return next((by for first, by in reversed(self.spans) if first <= line), frozenset())

    def first_lines(self, answer: str) -> tuple[int, ...]:
        """Where the parts begin that an answer made."""
        return tuple(first for first, answers in self.spans if answer in answers)

    def has(self, line: str) -> bool:
        """Whether a line stands in the document as it was made."""
        return _sum(line.encode()) in self._sums

    @cached_property
    def _sums(self) -> tuple[str, ...]:
        return tuple(self.sums[it : it + 4] for it in range(0, len(self.sums), 4))

    def is_as_made(self, root: Path) -> bool:
        """Whether nobody has edited it since."""
        path = root / self.file
        return path.is_file() and _sum(path.read_bytes(), 12) == self.mark

    def edit(self, text: str) -> Edit | None:
        """The first edit of a document that changed or removed what was made, else the first that added something."""
        now = [_sum(line.encode()) for line in text.splitlines()]
        found = SequenceMatcher(None, self._sums, now, autojunk=False).get_opcodes()
        edits = (
            Edit(new + 1, kind != "insert", self.at(old + (kind != "insert")))
            for kind, old, _, new, _ in found
            if kind != "equal"
        )
        return min(edits, key=lambda it: not it.replaces, default=None)


@dataclass(frozen=True)
class Edit:
    """Lines of a document that are not as they were made."""

    line: int
    replaces: bool
    """Whether something that was made is gone or says something else; otherwise something was only added."""
    answers: frozenset[str]
    """What made the lines."""


def _sum(content: bytes, length: int = 4) -> str:
    return hashlib.sha256(content).hexdigest()[:length]


@dataclass(frozen=True)
class Model:
    format: int
    project: str
    gap_gate: str
    doc_budget_lines: int
    checkpoints: tuple[Checkpoint, ...]
    services: tuple[Service, ...]
    operations: tuple[Operation, ...]
    processes: tuple[Process, ...]
    rows: Rows
    requirements: tuple[Requirement, ...]
    ids: tuple[str, ...]
    retired_ids: tuple[str, ...]
    gaps: tuple[Gap, ...]
    rules: tuple[Rule, ...]
    open: tuple[Question, ...]
    terms: tuple[Term, ...]
    legal: tuple[str, ...]
    """The kinds of data of which law or contract asks something."""
    questions: tuple[str, ...]
    decisions: tuple[Decision, ...]
    tasks: tuple[Task, ...]
    verdict: str
    guards: tuple[str, ...]
    """How the files begin that decide who may do what, besides the `access.py` of each service."""
    documents: tuple[str, ...]
    owned: tuple[str, ...]
    tables: tuple[Table, ...]
    generated: tuple[GeneratedFile, ...]

    def answered_by(self, service: Service) -> tuple[Operation, ...]:
        """The operations of a service."""
        return tuple(it for it in self.operations if it.service == service.name)

    def about(self, entity: Entity) -> tuple[Operation, ...]:
        """The operations on the records of an entity."""
        return tuple(it for it in self.operations if it.entity == entity.name)


def load(root: Path) -> Model:
    """Read the model of the project at `root`."""
    raw = _parsed(root, "model.json")
    if isinstance(raw, dict) and raw.get("format", FORMAT) != FORMAT:
        found = f"Planning/model.json has format {raw['format']}, not {FORMAT}"
        raise Unreadable(f"{found}; {_restore('model.json')}")
    plan: Plan = _checked(_parsed(root, "tasks.json"), Plan, "tasks.json", "plan")
    if isinstance(raw, dict):
        raw["tasks"] = []  # they have their own file
    model: Model = _checked(raw, Model, "model.json", "model")
    return replace(model, tasks=plan.tasks)


def _parsed(root: Path, name: str) -> object:
    try:
        return json.loads((root / "Planning" / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        fix = brought_back(f"Planning/{name}")
        raise Unreadable(f"Planning/{name} is missing. Fix: {fix}") from None
    except json.JSONDecodeError as error:
        place = f"Planning/{name}:{error.lineno}:{error.colno}"
        raise Unreadable(f"{place} is not JSON ({error.msg}); {_restore(name)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable(f"Planning/{name} cannot be read ({error}); {_restore(name)}") from None


def _checked(raw: object, kind: Any, name: str, where: str) -> Any:
    try:
        return _read(raw, kind, where)
    except ValueError as error:
        raise Unreadable(f"Planning/{name}: {error}; {_restore(name)}") from None


def brought_back(place: str) -> str:
    """How to restore a file that was removed, which no update does."""
    committed = f"`git checkout COMMIT^ -- {place}` with the commit of `git log -1 -- {place}`"
    return f"`git checkout HEAD -- {place}`, or, if its removal was committed, {committed}"


def _restore(name: str) -> str:
    return f"restore it with `git checkout Planning/{name}` or a `copier update`"


def _read(raw: object, kind: Any, where: str) -> Any:
    """Build a dataclass, a tuple or a plain value; `ValueError` names what does not fit."""
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(raw, dict):
            raise ValueError(f"{where} is not an object")
        hints = _parts(kind)
        if missing := [name for name in hints if name not in raw]:
            raise ValueError(f"{where} has no {missing[0]}")
        return kind(**{name: _read(raw[name], it, f"{where}.{name}") for name, it in hints.items()})
    if get_origin(kind) is tuple:
        if not isinstance(raw, list):
            raise ValueError(f"{where} is not a list")
        part = get_args(kind)[0]
        return tuple(_read(item, part, f"{where}[{index}]") for index, item in enumerate(raw))
    if raw is None and type(None) in get_args(kind):
        return None
    if type(raw) is not kind and type(raw) not in get_args(kind):
        raise ValueError(f"{where} is not of type {getattr(kind, '__name__', kind)}")
    return raw


@cache
def _parts(kind: type[Any]) -> dict[str, Any]:
    """The fields of a dataclass with their types, which take long to tell."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
