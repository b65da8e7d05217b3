"""What can be decided: every decision with its options, read from `decisions/*/decision.yml`.

An option is one entry of that file and, where it brings code, one folder beside it that mirrors the generated project.
Nothing outside that folder names the option: templates ask for traits, footprints and modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import yaml

from .domain import Product
from .provenance import told

STATUSES = ("offered", "planned")
"""An option is `offered`, or `planned`: considered in documents, and not selectable yet."""

LEFT_OPEN = ("auto", "tbd")
"""Answers to every decision beside its options: the catalogue proposes, or somebody has yet to decide."""

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C where PyYAML was built with it: reading all decisions takes a tenth of the time."""

GROUPS = {
    "A1": "service",
    "A2": "communication",
    "A3": "data",
    "A4": "api",
    "A5": "deployment",
    "A6": "development",
    "S1": "core_stack",
    "S2": "dependencies",
    "S3": "infrastructure",
    "S4": "dev_tools",
    "T1": "coordination",
    "T2": "errors",
    "T3": "operations",
    "T4": "security",
}
"""The groups that the guide sorts decisions into, by its numbering."""

T = TypeVar("T")


class CatalogueError(ValueError):
    """A decision file that its author has to mend; the message names the file and the place in it."""


@told(lambda it, part: (it.decision,) if part != "decision" else ())
@dataclass(frozen=True)
class Requirement:
    """A package that the generated project needs, and what for."""

    spec: str
    """Pinned: `aiosqlite==0.22.1`."""
    why: str
    decision: str = ""
    """Whose option needs it."""

    @property
    def package(self) -> str:
        """`sqlalchemy` of `sqlalchemy[asyncio]==2.1.9`."""
        return self.spec.partition("==")[0].partition("[")[0]

    def __str__(self) -> str:
        return self.spec


@dataclass(frozen=True)
class Reading:
    """How a project that keeps its rows elsewhere reads those of a database, and cannot change it."""

    begin: str
    """The statement that begins a transaction in which nothing changes."""
    database: str = "{database}"
    """The name by which it is opened, made of the one in its URL."""
    query: tuple[tuple[str, str], ...] = ()
    """What its URL asks for besides."""


@told(lambda it, part: (it.decision,) if part != "decision" else ())
@dataclass(frozen=True)
class Variable:
    """An environment variable; `{service}` or `{SERVICE}` in its name makes it one per service."""

    name: str
    default: str = ""
    description: str = ""
    secret: bool = False
    type: str = ""
    """Its annotation in the generated settings; text unless it says otherwise."""
    required: bool = False
    """Whether it must be set although it is no secret: its default is for development only."""
    by_some: bool = False
    """Whether a process may do without it that never asks for it."""
    apart: bool = False
    """Whether no service reads it, but only `uv run migrate`."""
    decision: str = ""
    """Whose option reads it."""
    reading: Reading | None = None
    """Where it is the URL of a database with rows: how another project reads them."""

    @property
    def per_service(self) -> bool:
        return "{service}" in self.name or "{SERVICE}" in self.name


@dataclass(frozen=True)
class Watch:
    """What whoever runs the project can look at."""

    what: str
    where: str
    unwell: str
    """What it says, or what to do, when not all is well."""
    needs: str = ""
    """The trait without which it is not there."""


@dataclass(frozen=True)
class Way:
    """How events get to their subscribers; `{slug}`, `{service}` and `{event}` stand for names."""

    timeout: str
    """How long one attempt may take."""
    endpoint: str = ""
    """Where a subscriber takes them, if they come as requests."""
    broker: str = ""
    """The server that carries them, if one does."""
    sent: str = ""
    """Where a broker takes an event."""
    heard: str = ""
    """Where a subscriber finds its events at a broker."""
    set_aside: str = ""
    """Where a broker keeps what a subscriber refused for good."""
    watched: tuple[Watch, ...] = ()


@dataclass(frozen=True)
class Beside:
    """A process that serves no service."""

    name: str
    app: str
    works_for: str = ""
    """The service whose jobs it runs; empty where callers from outside reach it."""


@dataclass(frozen=True)
class Footprint:
    """What an option adds to places that it shares with others."""

    dependencies: tuple[Requirement, ...] = ()
    environment: tuple[Variable, ...] = ()
    processes: str = ""
    """The application that a process serves; with `{service}` in it, each service has a process of its own."""
    address: str = ""
    """The path under which a process serves a service."""
    prefix: str = ""
    """What the addresses of records begin with at their service."""
    events: Way | None = None
    beside: tuple[tuple[str, str], ...] = ()
    """Processes that serve no service: the name of each, which no service can have, and its application.

    With `{service}` in it, each service with jobs has one.
    """
    entrance: str = ""
    """The path under which the first of them shows a service to callers from outside."""
    commands: tuple[tuple[str, str], ...] = ()
    """What `uv run` knows besides: the name of each command, and its function."""
    servers: tuple[tuple[str, str], ...] = ()
    """What must run beside the project, with the command that starts it for a developer or in CI, by Docker."""
    fills: tuple[tuple[str, str], ...] = ()
    """What defaults of other options leave to it: `{database}`, say. `{slug}` and `{service}` stand for names."""

    def put_beside(self, product: Product) -> Iterator[Beside]:
        """The processes that serve no service, each with what it is for."""
        for name, app in self.beside:
            if "{service}" not in name:
                yield Beside(name, app)
                continue
            for it in product.services:
                if it.jobs:
                    yield Beside(name.format(service=it.name), app.format(service=it.name), it.name)


@told(lambda it, part: (it.decision, *it.besides) if part not in ("decision", "besides") else ())
@dataclass(frozen=True)
class Module:
    """A whole file that an option brings into the generated project."""

    target: str
    """Its path in the generated project."""
    source: str
    """Its path in the template repository."""
    text: str
    """What it holds, before rendering."""
    rendered: bool
    """Whether `source` is a Jinja template."""
    decision: str
    """Whose option brings it."""
    needs: str = ""
    """The trait without which it is not there."""
    besides: tuple[str, ...] = ()
    """The decisions that have a say in that, in a project."""


@dataclass(frozen=True)
class Option:
    """One way to decide, with the words and the weights that the documents and `auto` need."""

    name: str
    label: str
    because: str
    """Why it is taken, where it is."""
    cost: str
    """What is accepted with it."""
    rejected: str
    """Why it is not taken, where another is."""
    status: str = "offered"
    confirmed_by: str = ""
    """The check that proves that the project follows it."""
    practice: str = ""
    """What people do who follow it, where it is a way of working that no code shows."""
    standard: str = ""
    """How code is written that follows it, where people write such code."""
    says: tuple[tuple[str, str], ...] = ()
    """Words that documents take from it, by what they are about."""
    watch: tuple[Watch, ...] = ()
    """What can be looked at while the project runs."""
    drivers: tuple[tuple[str, int], ...] = ()
    """How much each driver speaks for it, or against it when negative."""
    provides: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Traits that another decision's option must provide."""
    conflicts: tuple[str, ...] = ()
    """Traits and drivers that it cannot live with."""
    footprint: Footprint = Footprint()
    shares: tuple[str, ...] = ()
    """Folders of modules that other options of the decision bring, too."""
    where: tuple[tuple[str, str], ...] = ()
    """Traits, each with a folder of modules that the option brings where one provides it."""
    modules: tuple[Module, ...] = ()

    @property
    def offered(self) -> bool:
        return self.status == "offered"


@dataclass(frozen=True)
class Reversal:
    """What the dearest change of a decision touches in a project of three services, outside its documents."""

    files: int
    lines: int

    def __str__(self) -> str:
        files = f"{self.files} file{'' if self.files == 1 else 's'}"
        return f"{files} and {self.lines} line{'' if self.lines == 1 else 's'}" if self.files else "no file of code"


@dataclass(frozen=True)
class Decision:
    """A question of the guide whose answers are known beforehand."""

    id: str
    guide: str
    """The guide's question: `A3b`."""
    phase: int
    question: str
    options: tuple[Option, ...]
    """The simplest first: ties go to the earlier one."""
    delivers: tuple[str, ...] = ()
    """The modules that each offered option must bring, because other code imports them."""
    about: tuple[str, ...] = ()
    """Traits and drivers without any of which there is nothing to decide; empty where there always is."""
    otherwise: str = ""
    """What is so then."""
    reversal: Reversal | None = None
    """Measured, where there is a choice."""

    @property
    def offered(self) -> tuple[Option, ...]:
        return tuple(option for option in self.options if option.offered)

    def offered_with(self, trait: str) -> tuple[Option, ...]:
        """The offered options that provide a trait."""
        return tuple(option for option in self.offered if trait in option.provides)

    @cached_property
    def provided(self) -> frozenset[str]:
        """The traits that its outcome may have."""
        return frozenset(trait for option in self.offered for trait in option.provides)

    @cached_property
    def bound(self) -> frozenset[str]:
        """What it is about, and what its options need or cannot live with."""
        return frozenset(self.about).union(*((*it.needs, *it.conflicts) for it in self.offered))

    @property
    def settled(self) -> bool:
        """True when there is nothing to ask: one option is offered."""
        return len(self.offered) == 1

    @property
    def answers(self) -> tuple[str, ...]:
        """What the question accepts."""
        return (*(option.name for option in self.offered), *LEFT_OPEN)

    @property
    def words(self) -> tuple[str, ...]:
        """What an answer can at all mean; that planned options are not offered yet is told separately."""
        return (*(option.name for option in self.options), *LEFT_OPEN)

    @property
    def group(self) -> str:
        """The guide's group that it belongs to: `data`."""
        return GROUPS[self.guide[:2]]

    def option(self, name: str) -> Option | None:
        return next((option for option in self.options if option.name == name), None)


@dataclass(frozen=True)
class Catalogue:
    """All decisions in the guide's order."""

    decisions: tuple[Decision, ...]

    def __getitem__(self, id: str) -> Decision:
        return next(decision for decision in self.decisions if decision.id == id)

    @cached_property
    def subjects(self) -> frozenset[str]:
        """The traits and drivers that decisions are about."""
        return frozenset(it for decision in self.decisions for it in decision.about)

    @cached_property
    def settings(self) -> frozenset[str]:
        """The environment variables of all offered options, but for those that each service has."""
        offered = (option for decision in self.decisions for option in decision.offered)
        variables = (variable for option in offered for variable in option.footprint.environment)
        return frozenset(it.name for it in variables if not it.per_service)

    @cached_property
    def partners(self) -> dict[str, tuple[str, ...]]:
        """By decision, the others that may rule out an option of it, or need one."""
        return {
            it.id: tuple(
                other.id
                for other in self.decisions
                if other is not it and (it.provided & other.bound or other.provided & it.bound)
            )
            for it in self.decisions
        }


def load(folder: Path) -> Catalogue:
    """Read every decision under `folder`, or raise `CatalogueError` for the first one that is malformed."""
    decisions = [_decision(path) for path in sorted(folder.glob("*/decision.yml"))]
    return Catalogue(tuple(sorted(decisions, key=lambda it: (it.phase, it.guide, it.id))))


def _decision(path: Path) -> Decision:
    where = f"decisions/{path.parent.name}/decision.yml"
    try:
        raw = yaml.load(path.read_text("utf-8"), LOADER)
    except yaml.YAMLError as error:
        raise CatalogueError(f"{where}: is not YAML: {' '.join(str(error).split())}") from error
    entry = _mapping(raw, where)
    options = _mapping(entry.get("options"), f"{where}: options")
    decision = _made(
        Decision,
        {
            **entry,
            "id": path.parent.name,
            "options": tuple(_option(path.parent, where, *item) for item in options.items()),
            "delivers": _texts(entry.get("delivers"), f"{where}: delivers"),
            "about": _texts(entry.get("about"), f"{where}: about"),
            "reversal": _reversal(path.with_name("reversal.yml")),
        },
        where,
    )
    if not decision.offered:
        raise CatalogueError(f"{where}: offers no option")
    if bool(decision.about) != bool(decision.otherwise):
        raise CatalogueError(f"{where}: has one of about and otherwise; they need each other")
    if decision.guide[:2] not in GROUPS:
        raise CatalogueError(f"{where}: guide is {decision.guide!r}, which is in none of {', '.join(GROUPS)}")
    for option in decision.offered:
        if missing := set(decision.delivers) - {module.target for module in option.modules}:
            raise CatalogueError(f"{where}: {option.name} does not bring {', '.join(sorted(missing))}")
    return decision


def _reversal(path: Path) -> Reversal | None:
    """What was measured for a decision, where it was."""
    if not path.is_file():
        return None
    where = f"decisions/{path.parent.name}/{path.name}"
    return _made(Reversal, _mapping(yaml.load(path.read_text("utf-8"), LOADER), where), where)


def _option(folder: Path, file: str, name: str, raw: object) -> Option:
    where = f"{file}: options.{name}"
    if name in LEFT_OPEN:
        raise CatalogueError(f"{where}: the name is taken")
    entry = _mapping(raw, where)
    drivers = _mapping(entry.get("drivers", {}), f"{where}.drivers")
    shares = _texts(entry.get("shares"), f"{where}.shares")
    only = _words(entry.get("where", {}), f"{where}.where")
    for key, folders in (("shares", shares), ("where", [it for _, it in only])):
        if missing := [it for it in folders if not (folder / it).is_dir()]:
            raise CatalogueError(f"{where}.{key}: there is no folder {missing[0]}")
    brought = [("", name), *(("", it) for it in shares), *only]
    option = _made(
        Option,
        {
            **entry,
            "name": name,
            "drivers": tuple((driver, _weight(weight, where)) for driver, weight in drivers.items()),
            "says": _words(entry.get("says", {}), f"{where}.says"),
            "footprint": _footprint(entry.get("footprint", {}), folder.name, f"{where}.footprint"),
            "shares": shares,
            "where": only,
            "watch": _watch(entry.get("watch", []), f"{where}.watch"),
            "modules": tuple(module for trait, it in brought for module in _modules(folder / it, trait)),
            **{key: _texts(entry.get(key), f"{where}.{key}") for key in ("provides", "needs", "conflicts")},
        },
        where,
    )
    if option.status not in STATUSES:
        raise CatalogueError(f"{where}.status: is {option.status!r}, not one of {', '.join(STATUSES)}")
    return option


def _footprint(raw: object, decision: str, where: str) -> Footprint:
    entry = _mapping(raw, where)
    dependencies = _mapping(entry.get("dependencies", {}), f"{where}.dependencies")
    environment = _mapping(entry.get("environment", {}), f"{where}.environment")
    return _made(
        Footprint,
        {
            **entry,
            "dependencies": tuple(Requirement(spec, str(why), decision) for spec, why in dependencies.items()),
            "environment": tuple(
                _variable(name, variable, decision, f"{where}.{name}") for name, variable in environment.items()
            ),
            "events": _way(entry["events"], f"{where}.events") if "events" in entry else None,
            **{key: _words(entry.get(key, {}), f"{where}.{key}") for key in ("beside", "commands", "servers", "fills")},
        },
        where,
    )


def _way(raw: object, where: str) -> Way:
    entry = _mapping(raw, where)
    return _made(Way, {**entry, "watched": _watch(entry.get("watched", []), f"{where}.watched")}, where)


def _variable(name: str, raw: object, decision: str, where: str) -> Variable:
    entry = _mapping(raw, where)
    reading = _reading(entry["reading"], f"{where}.reading") if "reading" in entry else None
    return _made(Variable, {**entry, "name": name, "decision": decision, "reading": reading}, where)


def _reading(raw: object, where: str) -> Reading:
    entry = _mapping(raw, where)
    query = _mapping(entry.get("query", {}), f"{where}.query")
    return _made(Reading, {**entry, "query": tuple((name, str(value)) for name, value in query.items())}, where)


def _watch(raw: object, where: str) -> tuple[Watch, ...]:
    if not isinstance(raw, list):
        raise CatalogueError(f"{where}: must be a list")
    return tuple(_made(Watch, _mapping(it, where), where) for it in raw)


def _modules(folder: Path, needs: str) -> tuple[Module, ...]:
    """The files under an option's folder, at the same paths in the generated project."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return tuple(_module(path, folder, needs) for path in sorted(files, key=Path.as_posix))


def _module(path: Path, folder: Path, needs: str) -> Module:
    root = folder.parent.parent.parent
    return Module(
        target=path.relative_to(folder).as_posix().removesuffix(".jinja"),
        source=path.relative_to(root).as_posix(),
        text=path.read_text("utf-8"),
        rendered=path.suffix == ".jinja",
        decision=folder.parent.name,
        needs=needs,
    )


def _made(kind: type[T], values: Mapping[str, object], where: str) -> T:
    """Build a dataclass from what a file says, after checking that the file says no more and no less."""
    known: Iterable[str] = [item.name for item in dataclass_fields(kind)]  # type: ignore[arg-type]
    if unknown := [key for key in values if key not in known]:
        raise CatalogueError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(known)}")
    try:
        return kind(**values)
    except TypeError as error:
        raise CatalogueError(f"{where}: {str(error).partition(') ')[2] or error}") from error


def _mapping(raw: object, where: str) -> dict[str, object]:
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise CatalogueError(f"{where}: must be a mapping")
    return raw


def _words(raw: object, where: str) -> tuple[tuple[str, str], ...]:
    """A mapping of words to texts."""
    return tuple((name, " ".join(str(text).split())) for name, text in _mapping(raw, where).items())


def _texts(raw: object, where: str) -> tuple[str, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        raise CatalogueError(f"{where}: must be a list of words")
    return tuple(raw)


def _weight(raw: object, where: str) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise CatalogueError(f"{where}.drivers: {raw!r} is no whole number")
    return raw
