"""All that templates read: one immutable `Project`, built from the answers."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

from . import codegen, history, layout, names, reading, text
from .answers import Answers
from .catalogue import Catalogue, Module, Option, Reading, Requirement, Variable, Watch, Way
from .codegen import ServiceCode
from .decisions import Resolved, has, resolve, said, shared
from .domain import Item, Product, Service
from .drivers import holding
from .facts import Facts, facts
from .history import Asked, History
from .planning import Planning
from .problems import Problem, Refused
from .provenance import Names, cached_property, note, noting, told

IDENTIFIED = {"NFR": "performance_targets", "SM": "success_metrics", "RISK": "risks"}
"""The list answers whose items are given ids, beside the features."""

OWNED = ("CHANGELOG.md", "Planning/Notes.md")
"""Files of the project's people that no service or feature brings."""

ANSWERED = ("docs", "health", "internal", "metrics", "redoc")
"""The addresses at which every service answers beside its records."""

CALL_TIMEOUT_S = 2.0
"""For a call to an API of somebody else, unless the answers know better."""

NUMBER = re.compile(r"\b(int|PositiveFloat)\b")
"""The types of settings whose defaults are numbers."""

SPENT = ("why", "decided_on", "reopened")
"""Answers that are about one change of mind, and must not be there at the next."""

PORT_BASE = 8001
"""The first service's port, unless `port_base` says another; the page of `uv run dev` has the one before."""


@told(lambda it, part: it.answers if part != "answers" else ())
@dataclass(frozen=True)
class EnvVar:
    """An environment variable that the project's processes read."""

    name: str
    default: str
    secret: bool
    description: str
    answers: Names = field(compare=False)
    """What it was made from."""
    service: str = ""
    """The service that it is about, if it is about one."""
    type: str = ""
    """Its Python type, where text would say too little: `PositiveFloat`."""
    required: bool = False
    """Whether it must be set, so that `default` is only an example of it."""
    by_some: bool = False
    """Whether a process may do without it that never asks for it; it is missed where it is asked for."""
    apart: bool = False
    """Whether no service reads it, but only `uv run migrate`."""

    @property
    def declaration(self) -> str:
        """The setting as a line of a class body; what must be set has only an example, in `.env.example`."""
        head = f"{self.name.lower()}: {self.type or ('Key' if self.secret else 'str')}"
        if self.required:
            return f"{head} | None = None" if self.by_some else head
        value = self.default if NUMBER.search(self.type) else text.py(self.default)
        return layout.assigned(head, value)


@dataclass(frozen=True)
class Rows:
    """Where an option keeps the rows of the services, and what another project needs to read them."""

    url: str
    """`{service}` in it stands for the service."""
    package: str
    """The one with the driver, pinned."""
    reading: Reading

    @property
    def driver(self) -> str:
        """As SQLAlchemy names it, with the dialect: `sqlite+aiosqlite`."""
        return self.url.partition(":")[0]


@told(lambda it, part: it.answers if part == "port" else ())
@dataclass(frozen=True)
class Process:
    """A process that serves one or more services on a port."""

    name: str
    app: str
    """What uvicorn is told: `services.catalog.main:app`."""
    port: int
    services: tuple[str, ...]
    """Those that it serves; none where it stands before or beside them."""
    works_for: str = ""
    """The service whose jobs it runs, where it does nothing else."""
    answers: Names = field(default=frozenset({"port_base"}), compare=False)
    """What its port was made from."""

    @property
    def about(self) -> str:
        """What it is there for, in a few words."""
        jobs = f"the jobs of {self.works_for}" if self.works_for else ""
        return ", ".join(self.services) or jobs or "what callers from outside reach"


@dataclass(frozen=True)
class Project:
    """What is generated, in the words of the templates."""

    answers: Answers
    product: Product
    """With the ids and ports that history gave."""
    decisions: tuple[Resolved, ...]
    history: History
    lists: Mapping[str, tuple[Item, ...]]
    """The list answers by question, read."""
    port_base: int
    order: tuple[str, ...] = ()
    """The questions in the order in which the answers file names them."""

    @cached_property
    def services(self) -> tuple[ServiceCode, ...]:
        """What the services' code consists of."""
        return codegen.services(self.product, dict(self.history.schema))

    @cached_property
    def facts(self) -> Facts:
        """What the project's tests know of it."""
        return facts(self.product, self.services)

    @cached_property
    def planning(self) -> Planning:
        """What the documents say."""
        return Planning(self)

    @cached_property
    def public_services(self) -> tuple[Service, ...]:
        """The services that callers from outside may reach."""
        return tuple(it for it in self.product.services if it.exposure == "public")

    def decision(self, id: str) -> Resolved:
        return next(it for it in self.decisions if it.decision.id == id)

    @property
    def python(self) -> str:
        """The oldest Python that the project runs on."""
        return str(self.answers["python_version"].value or "3.11")

    def has(self, trait: str) -> bool:
        """Whether an option provides a trait; templates ask for these and name no option."""
        note(*(it.decision.id for it in self.decisions if it.decision.offered_with(trait)))
        with noting():  # those that may provide it are
            return has(self.decisions, trait)

    @property
    def _options(self) -> tuple[Option, ...]:
        """What was taken. What an option brings tells itself of its decision, so that the others are not noted."""
        with noting():
            return tuple(it.option for it in self.decisions)

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """The files that the options bring."""
        with noting():
            brought = [module for option in self._options for module in option.modules]
            return tuple(self._told(it) if it.needs else it for it in brought if not it.needs or self.has(it.needs))

    def _told(self, module: Module) -> Module:
        """With the decisions that may provide what it needs."""
        besides = (it.decision.id for it in self.decisions if it.decision.offered_with(module.needs))
        return replace(module, besides=tuple(besides))

    @cached_property
    def dependencies(self) -> tuple[Requirement, ...]:
        """The packages that the options need, each once."""
        with noting():
            needed = (needed for option in self._options for needed in option.footprint.dependencies)
            by_package = {requirement.package: requirement for requirement in needed}
            return tuple(by_package[package] for package in sorted(by_package))

    @cached_property
    def asks(self) -> bool:
        """Whether a service asks another for what its records refer to."""
        return "at" in self._lookups

    @cached_property
    def looks_in_copies(self) -> bool:
        """Whether a service has a read copy of what its records refer to."""
        return "in_copies" in self._lookups

    @property
    def _lookups(self) -> set[str]:
        """The ways in which services find what their records refer to."""
        entities = (entity for service in self.services for entity in service.entities)
        return {lookup.method for entity in entities for lookup in entity.lookups}

    @property
    def way(self) -> Way:
        """How events get to their subscribers."""
        return self.planning.facts.way

    @cached_property
    def commands(self) -> tuple[tuple[str, str], ...]:
        """What `uv run` knows besides, by name."""
        return self._listed(lambda option: option.footprint.commands)

    @cached_property
    def servers(self) -> tuple[tuple[str, str], ...]:
        """What must run beside the project, by name, with the command that starts it."""
        return self._listed(lambda option: option.footprint.servers)

    def says(self, about: str) -> str:
        """The words of an option about something; empty where none has any."""
        return said(self.decisions, about)

    @cached_property
    def practices(self) -> tuple[Resolved, ...]:
        """The decisions whose options ask something of the people who run the project."""
        with noting():
            return tuple(it for it in self.decisions if it.option.practice)

    @cached_property
    def watch(self) -> tuple[Watch, ...]:
        """What the options let people look at who run the project."""
        with noting():
            return tuple(it for option in self._options for it in option.watch if not it.needs or self.has(it.needs))

    @cached_property
    def processes(self) -> tuple[Process, ...]:
        """What runs: a process per service, or one for all, and what options put before or beside them."""
        return tuple(self._processes())

    @cached_property
    def page_port(self) -> int:
        """Where `uv run dev` shows its page: before the first service, or at the next port that no service has."""
        note("port_base")
        taken = {process.port for process in self.processes}
        below, above = range(self.port_base - 1, 1023, -1), range(self.port_base, history.LAST_PORT)
        return next(port for port in chain(below, above) if port not in taken)

    def prefix(self, service: str) -> str:
        """The path under which a process serves a service."""
        return self._shared(lambda option: option.footprint.address).format(service=service)

    def _listed(self, part: Callable[[Option], Sequence[tuple[str, str]]]) -> tuple[tuple[str, str], ...]:
        """What the options list, one after the other; those that list nothing are not noted."""
        found: list[tuple[str, str]] = []
        for it, option in zip(self.decisions, self._options, strict=True):
            if listed := part(option):
                note(it.decision.id)
                found += listed
        return tuple(found)

    def _shared(self, part: Callable[[Option], str]) -> str:
        """What one of the options says for all; the decisions that have no say in it are not noted."""
        return shared(self.decisions, part)

    def url(self, service: str) -> str:
        """Where a service is on a developer's machine."""
        process = next(it for it in self.processes if service in it.services)
        return f"http://127.0.0.1:{process.port}{self.prefix(service)}"

    @cached_property
    def entrance(self) -> Process | None:
        """The process through which callers from outside come, where that is none of the services'."""
        path = self._shared(lambda option: option.footprint.entrance)
        return next((it for it in self.processes if not it.services and not it.works_for), None) if path else None

    def public_url(self, service: Service) -> str:
        """Where those find a service on a developer's machine who may call it."""
        if self.entrance is None or service.exposure != "public":
            return self.url(service.name)
        path = self._shared(lambda option: option.footprint.entrance).format(service=service.name)
        return f"http://127.0.0.1:{self.entrance.port}{path}"

    def docs_url(self, service: Service) -> str:
        """Where the API of a service is described to those who may call it."""
        if self.entrance is None or service.exposure != "public":
            return f"{self.url(service.name)}/docs"
        return f"http://127.0.0.1:{self.entrance.port}/docs"

    @cached_property
    def environment(self) -> tuple[EnvVar, ...]:
        """The settings: the options' own, and two for each API of somebody else."""
        with noting():
            chosen = (variable for option in self._options for variable in option.footprint.environment)
            return (*self._variables(chosen), *_external_variables(self.product))

    @cached_property
    def rows(self) -> Rows | None:
        """Where the services keep their rows; nothing where no other project could read them."""
        return next(self._rows(self._options, self._filled), None)

    @cached_property
    def sources(self) -> tuple[Rows, ...]:
        """Where rows can come from: what each option, chosen or not, would keep them in."""
        offered = [option for it in self.decisions for option in it.decision.offered]
        fills = [option.footprint.fills for option in offered if option.footprint.fills]
        found = [self._rows([option], partial(_filled, it)) for option in offered for it in fills or [()]]
        return tuple(dict.fromkeys(chain.from_iterable(found)))

    @cached_property
    def imported(self) -> tuple[str, ...]:
        """The names of the services as their imports are sorted: numbers by their value, `s2` before `s10`."""

        def parts(name: str) -> list[str | int]:
            return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]

        return tuple(sorted((it.name for it in self.product.services), key=parts))

    @cached_property
    def owned(self) -> tuple[str, ...]:
        """The files that are written once and then belong to the project's people."""
        tests = (f"tests/acceptance/{it.module}.py" for it in self.planning.acceptance)
        code = (path for service in self.services for path in service.owned)
        return (*OWNED, *tests, *code)

    def record(self, copier_answers: Mapping[str, object]) -> dict[str, object]:
        """What the answers file holds: Copier's own keys, then the answers in the questionnaire's order."""
        rank = {name: index for index, name in enumerate(self.order)}
        names = sorted(copier_answers, key=lambda it: (not it.startswith("_"), rank.get(it, len(rank))))
        spent = {name: "" for name in SPENT if name in copier_answers}
        recorded = {name: copier_answers[name] for name in names} | spent
        return recorded | {"history": self.history.plain()}

    def _processes(self) -> Iterator[Process]:
        app = self._shared(lambda option: option.footprint.processes)
        if "{service}" in app:
            for it in self.product.services:
                with noting() as answers:
                    port = _port(it)
                yield Process(it.name, app.format(service=it.name), port, (it.name,), answers=frozenset(answers))
        else:
            names = tuple(service.name for service in self.product.services)
            yield Process(self.product.slug, app, self.port_base, names)
        offsets = dict(self.history.offsets)
        for decision, option in zip(self.decisions, self._options, strict=True):
            for put in option.footprint.put_beside(self.product):
                note(decision.decision.id)
                yield Process(put.name, put.app, self.port_base + offsets[put.name], (), put.works_for)

    def _filled(self, default: str) -> str:
        """The default of a setting, with what other options fill in; those that fill in nothing are not noted."""
        for it, option in zip(self.decisions, self._options, strict=True):
            filled = _filled(option.footprint.fills, default)
            if filled != default:
                note(it.decision.id)
                default = filled
        return default

    def _rows(self, options: Iterable[Option], fill: Callable[[str], str]) -> Iterator[Rows]:
        for option in options:
            packages = {needed.package: needed.spec for needed in option.footprint.dependencies}
            for variable in option.footprint.environment:
                if variable.reading:
                    url = fill(variable.default).format(slug=self.product.slug, service="{service}")
                    driver = url.partition(":")[0].partition("+")[2]
                    yield Rows(url, packages[driver], variable.reading)

    def _variables(self, variables: Iterable[Variable]) -> Iterator[EnvVar]:
        for variable in variables:
            if variable.per_service:
                yield from (self._variable(variable, service.name) for service in self.product.services)
            else:
                yield self._variable(variable)

    def _variable(self, variable: Variable, service: str = "") -> EnvVar:
        with noting() as answers:
            words = {"service": service, "SERVICE": service.upper()}
            if service:
                words["url"] = self.url(service)
            default = self._filled(variable.default)
            if "{slug}" in default:
                words["slug"] = self.product.slug
        return EnvVar(
            variable.name.format(**words),
            default.format(**words),
            variable.secret,
            variable.description.format(**words),
            frozenset({variable.decision, *answers}),
            service,
            variable.type,
            variable.secret or variable.required,
            variable.by_some or bool(service),
            variable.apart,
        )


def build(raw: Mapping[str, object], catalogue: Catalogue, order: Sequence[str] = ()) -> Project:
    """Build the project that the answers describe; raise `Refused` with every problem in them."""
    remembered = history.read(raw.get("history"))
    answers = Answers(raw)
    product = reading.read(raw, catalogue.settings)
    lists = {question: reading.items(answers, question) for question in reading.ITEMS}
    said = answers["port_base"].value
    port_base = said if isinstance(said, int) else PORT_BASE
    reopened = str(answers["reopened"].value or "").replace(",", " ").split()
    kept = {id: option for id, option in remembered.kept().items() if id not in reopened}
    decisions = resolve(catalogue, answers, holding(answers, product), kept)
    after = history.step(
        remembered,
        Asked(product, decisions, tuple(_names(product, lists)), port_base, *_decided(answers)),
    )
    settled = history.settle(product, after, port_base, history.beside(decisions, product)).below(
        shared(decisions, lambda option: option.footprint.prefix)
    )
    decisions = tuple(_remembered(it, after) for it in decisions)
    project = Project(answers, settled, decisions, after, lists, port_base, tuple(order))
    if problems := (*_hidden(settled), *_cut(project), *project.planning.problems):
        raise Refused(problems)
    return project


def _hidden(product: Product) -> Iterator[Problem]:
    """The entities whose records nobody would find, because every service answers something else there."""
    for entity in product.entities.values():
        if entity.path.strip("/") in ANSWERED:
            fix = "give it another name, or set api_versioning to url"
            yield Problem(
                "data_entities", f"{entity.name} would be found at {entity.path}, where every service answers", fix
            )


def _cut(project: Project) -> Iterator[Problem]:
    """The names that a database server would cut, so that two services might share what is behind them."""
    used = [it.default for option in project._options for it in option.footprint.environment]
    filled = [pair for option in project._options for pair in option.footprint.fills]
    patterns = [pattern for name, pattern in filled if any(f"{{{name}}}" in it for it in used)]
    for service in project.product.services:
        for pattern in patterns:
            name = pattern.format(slug=project.product.slug, service=service.name)
            if len(name) > names.SERVER_LONGEST:
                what = f"{service.name} needs the name {text.quoted(name)} at the database server"
                fix = "shorten it, or project_slug"
                yield Problem("services", f"{what}, which takes {names.SERVER_LONGEST} characters", fix)
                break


def _filled(fills: Iterable[tuple[str, str]], default: str) -> str:
    """A text with what is filled in."""
    for name, words in fills:
        default = default.replace(f"{{{name}}}", words)
    return default


def _remembered(it: Resolved, memory: History) -> Resolved:
    """A decision with what the project remembers of it."""
    record = memory.current(it.decision.id)
    return replace(it, recorded_why=record.why if record else "", has_record=it.decision.id in memory.records)


def _names(product: Product, lists: Mapping[str, tuple[Item, ...]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "FR", tuple(feature.name for feature in product.features)
    for kind, question in IDENTIFIED.items():
        yield kind, tuple(item.name for item in lists.get(question, ()))


def _decided(answers: Answers) -> tuple[str, str]:
    """The day and the reason that the answers give for what changes with them."""
    day, why = answers["decided_on"].value, answers["why"].value
    try:
        on = datetime.date.fromisoformat(str(day)).isoformat() if day is not None else ""
    except ValueError:
        fix = "write year-month-day, e.g. 2026-03-02"
        raise Refused([Problem("decided_on", f"{day!r} is not a day", fix)]) from None
    return on, " ".join(str(why).split()) if why is not None else ""


def _external_variables(product: Product) -> Iterator[EnvVar]:
    answers = frozenset(["external_apis"])
    for api in product.external_apis:
        url, key = f"https://{api.name.replace('_', '-')}.invalid", "change-me"
        yield EnvVar(f"{api.env}_URL", url, False, f"Where {api.name} is reached", answers, required=True, by_some=True)
        about = f"The key by which {api.name} knows this project"
        if api.asks_who_calls:
            known = answers | {"external_api_details"}
            yield EnvVar(api.key, key, True, about, known, required=True, by_some=True)
        timeout = str(float(api.timeout_s or CALL_TIMEOUT_S))
        about = f"How long a call to {api.name} may take, retries included"
        yield EnvVar(f"{api.env}_TIMEOUT_S", timeout, False, about, answers, type="PositiveFloat")


def _port(service: Service) -> int:
    if service.port is None:
        raise ValueError(f"{service.name} has no port before history gave it one")
    return service.port
