"""Planning/model.json: what the answers make of the project, as the template recorded it."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

FORMAT = 1


class Unreadable(Exception):
    """The model cannot be used; the message says why and what helps."""


@dataclass(frozen=True)
class Checkpoint:
    number: int
    title: str
    evidence: str


@dataclass(frozen=True)
class Service:
    name: str
    port: int
    url: str
    specification: str


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
    """The last day on which somebody accepts it; empty where nobody does."""

    @property
    def must(self) -> bool:
        return self.category == "must" and not self.waived_until


@dataclass(frozen=True)
class Task:
    id: str
    title: str
    phase: int
    hours: int
    needs: tuple[str, ...]
    critical: bool
    requirement: str


@dataclass(frozen=True)
class Table:
    """Rows that a document must show."""

    document: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Model:
    format: int
    project: str
    gap_gate: str
    doc_budget_lines: int
    checkpoints: tuple[Checkpoint, ...]
    services: tuple[Service, ...]
    requirements: tuple[Requirement, ...]
    ids: tuple[str, ...]
    retired_ids: tuple[str, ...]
    gaps: tuple[Gap, ...]
    tasks: tuple[Task, ...]
    verdict: str
    documents: tuple[str, ...]
    owned: tuple[str, ...]
    tables: tuple[Table, ...]


def load(root: Path) -> Model:
    """Read the model of the project at `root`."""
    path = root / "Planning" / "model.json"
    restore = "restore it with `git checkout Planning/model.json` or a `copier update`"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unreadable(f"Planning/model.json is missing; {restore}") from None
    except json.JSONDecodeError as error:
        place = f"Planning/model.json:{error.lineno}:{error.colno}"
        raise Unreadable(f"{place} is not JSON ({error.msg}); {restore}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable(f"Planning/model.json cannot be read ({error}); {restore}") from None
    if isinstance(raw, dict) and raw.get("format", FORMAT) != FORMAT:
        raise Unreadable(f"Planning/model.json has format {raw['format']}, not {FORMAT}; {restore}")
    try:
        model: Model = _read(raw, Model, "model")
    except ValueError as error:
        raise Unreadable(f"Planning/model.json: {error}; {restore}") from None
    return model


def _read(raw: object, kind: Any, where: str) -> Any:
    """Build a dataclass, a tuple or a plain value; `ValueError` names what does not fit."""
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(raw, dict):
            raise ValueError(f"{where} is no object")
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]
        if missing := [name for name in names if name not in raw]:
            raise ValueError(f"{where} has no {missing[0]}")
        return kind(**{name: _read(raw[name], hints[name], f"{where}.{name}") for name in names})
    if get_origin(kind) is tuple:
        if not isinstance(raw, list):
            raise ValueError(f"{where} is no list")
        part = get_args(kind)[0]
        return tuple(_read(item, part, f"{where}[{index}]") for index, item in enumerate(raw))
    if type(raw) is not kind:
        raise ValueError(f"{where} is not of type {kind.__name__}")
    return raw
