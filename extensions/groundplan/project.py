"""The generated project: its services, processes, settings and files, built from the answers."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from . import formatting, history, names, reading, text
from .answers import Answers
from .catalogue import (
    SERVER,
    SERVICE,
    Catalogue,
    EventTransport,
    Manager,
    Module,
    MonitoringHint,
    Option,
    ReadAccess,
    Requirement,
    Server,
    Variable,
    with_commands,
)
from .codegen import fields as field_code
from .codegen.services import ServiceCode
from .codegen.services import services as service_codes
from .decisions import Resolved, has, resolve, shared_value, wording
from .domain import PRODUCT_TRAITS, Belonging, Entity, Field, Item, Product, Service, Type
from .drivers import holding
from .fixture_data import FixtureData, fixture_data
from .history import History, HistoryInput
from .migrations import encrypted_tables
from .problems import Problem, Refused
from .project_view import ProjectView
from .proposed_access import with_proposal
from .provenance import QuestionNames, cached_property, track, tracked, tracking

T = TypeVar("T")

IDENTIFIED = {"NFR": "performance_targets", "SM": "success_metrics", "RISK": "risks"}
"""The list questions whose items get ids, besides the features."""

OWNED = ("CHANGELOG.md", "Planning/Notes.md", "services/settings.py", "tests/drafts.py")
"""Owned files that belong to no service or feature."""

RESERVED_PATHS = ("docs", "health", "internal", "metrics", "redoc")
"""The paths of every service that are not those of records."""

CALL_TIMEOUT_S = 2.0
"""For a call to an API of somebody else, unless the answers know better."""

CHECKS = ("ruff format --check", "ruff check", "mypy", "lint-imports", "pytest", "plan check --code")
"""The commands that all pass where a project is whole."""

LITERAL = re.compile(r"\b(bool|int|PositiveInt|PositiveFloat|Mapping|Sequence)\b")
"""The types of settings whose defaults are written alike in the environment and in Python: numbers, JSON."""

VERSION = r"(?:[<>=!~]=|[<>])\s*[\w.*+!]+"
VERSIONED = re.compile(rf"[A-Za-z0-9][\w.-]*(?:\[[\w., -]+\])?\s*{VERSION}(?:\s*,\s*{VERSION})*", re.ASCII)
"""A library with its version, as packages declare it (PEP 508): `PyJWT==2.15.1`, `lxml >=5, <7`."""

SPENT: Mapping[str, object] = {"why": "", "decided_on": "", "reopened": "", "renames": []}
"""Answers about one change, which are cleared after it."""

EACH = re.compile(r"\{(?P<kind>\w+)(?: with (?P<with>\w+))?\}")
"""In the path of a module: one for each service, entity or revision; for those alone that have something."""
KINDS = {"entity": "entities", "revision": "revisions"}
"""What a service has, by its name in a path."""

PACKAGES = {
    "api": "What the HTTP interfaces of all services share.",
    "auth": """Authentication and authorization of requests.

`identification` finds the caller of a request: `service_identity` knows other services, `edge` and `authentication`
callers from outside. The result is a `Caller` (`callers`) with its `roles`, and `policy` says what that may do.
""",
    "clients": "Calls to other services and to external APIs.",
    "db": "The database of a service.",
    "gateway": "The gateway: the process between callers from outside and the services that are open to them.",
    "jobs": "Jobs: work that outlasts its request, or that is due at set times.",
    "messaging": """Events between services.

An event waits in the outbox of its publisher until each subscriber has it. One that a subscriber cannot handle is
*unhandled*: it is *retried*, and *rejected* when that cannot help; then it stays until somebody replays or discards it.
""",
    "observability": "Logs, metrics and traces of a running service.",
    "references": "The records that a draft refers to.",
    "workflows": "Workflows over several services: every step is done, or all are undone.",
}
"""The packages of the generated `services/common`."""

PORT_BASE = 8001
"""The first service's port, unless `port_base` says another; the page of `dev` has the one before."""


@tracked(lambda it, part: it.because_of if part != "because_of" else ())
@dataclass(frozen=True)
class EnvVar:
    """An environment variable that the project's processes read."""

    name: str
    default: str
    secret: bool
    description: str
    because_of: QuestionNames = field(compare=False)
    """The questions whose answers it was made from."""
    service: str = ""
    """The service that it is about, if it is about one."""
    type: str = ""
    """Its Python type, where text would say too little: `PositiveFloat`."""
    required: bool = False
    """Whether it must be set, so that `default` is only an example of it."""
    optional_for_process: bool = False
    """Whether a process that never reads it may start without it; reading it then fails."""
    migrate_only: bool = False
    """Whether no service reads it, but only the command `migrate`."""
    unset: str | None = None
    """Its value where nobody sets it, if that is not `default`, which is only an example then."""

    @property
    def declaration(self) -> str:
        """The setting as a line of a class body; what must be set has only an example, in `.env.example`."""
        head = f"{self.name.lower()}: {self.type or ('Key' if self.secret else 'str')}"
        if self.required:
            return f"{head} | None = None" if self.optional_for_process else head
        unset = self.default if self.unset is None else self.unset
        value = unset if LITERAL.search(self.type) else text.py(unset)
        return formatting.assignment(head, value)


@dataclass(frozen=True)
class RowStorage:
    """Where an option keeps the rows of the services, and what another project needs to read them."""

    url: str
    """`{service}` in it stands for the service."""
    package: str
    """The one with the driver, pinned."""
    read_access: ReadAccess

    @property
    def driver(self) -> str:
        """As SQLAlchemy names it, with the dialect: `sqlite+aiosqlite`."""
        return self.url.partition(":")[0]


@tracked(
    lambda it, part: it.port_because_of if part == "port" else it.found_because_of if part in ("host", "scheme") else ()
)
@dataclass(frozen=True)
class Process:
    """A process that serves one or more services on a port."""

    name: str
    app: str
    """The application that uvicorn runs: `services.catalog.main:app`."""
    port: int
    scheme: str
    host: str
    """Where the others find it."""
    services: tuple[str, ...]
    """The services that it serves; none for an extra process."""
    runs_jobs_of: str
    """The service whose jobs it runs, where it does nothing else."""
    port_because_of: QuestionNames = field(compare=False)
    """The questions whose answers its port was made from."""
    found_because_of: QuestionNames = field(compare=False)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def file(self) -> str:
        """The module of its application."""
        return self.app.partition(":")[0].replace(".", "/") + ".py"

    @property
    def about(self) -> str:
        """Its purpose as a phrase."""
        jobs = f"the jobs of {self.runs_jobs_of}" if self.runs_jobs_of else ""
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
    known_servers: Mapping[str, Server]
    """The servers that options, chosen or not, need, by name."""
    question_order: tuple[str, ...] = ()
    """The order of the questions in the answers file."""

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """Why the project cannot be generated although its answers can be read."""
        return (*_shadowed_records(self.product), *_truncated_names(self), *_without_keys(self))

    @cached_property
    def services(self) -> tuple[ServiceCode, ...]:
        """The services as code."""
        return service_codes(self.product, dict(self.history.schema))

    @property
    def audited(self) -> tuple[str, ...]:
        """The names of the entities whose changes are on record."""
        return tuple(name for name, it in self.product.entities.items() if it.audited)

    @property
    def sorts_old_records(self) -> bool:
        """Whether a migration asks to whom old records belong, even if none are kept apart any more."""
        return any(it.sorts_old_records for service in self.services for it in service.revisions)

    @property
    def seals_tables(self) -> bool:
        """Whether a migration seals a table, which it did even if nothing is on record any more."""
        return any(it.seals for service in self.services for it in service.revisions)

    @property
    def redacted(self) -> tuple[str, ...]:
        """The names of the entities out of whose history what is sensitive is taken when records end."""
        return tuple(name for name, it in self.product.entities.items() if it.redacted)

    @property
    def redacts_tables(self) -> bool:
        """Whether a migration lets values in a sealed table be replaced by a mark, even if nothing does so any more."""
        return any(it.redacts for service in self.services for it in service.revisions)

    @cached_property
    def field_types(self) -> field_code.FieldTypesCode:
        """The field types that the generated models define."""
        used = field_code.used_field_types(self._types_in_models)
        return field_code.FieldTypesCode(used, self.has_limits, "renamed_fields" in self.product.traits)

    @property
    def has_limits(self) -> bool:
        """Whether values of a field keep limits in addition to their type."""
        codes = (code for service in self.services for it in service.classes for code in it.fields)
        return any(it.limited and it.field.type.limits.restrict for it in codes)

    @property
    def has_lists(self) -> bool:
        """Whether a field holds several values."""
        return any(it.many for it in self._types_in_models)

    @cached_property
    def _types_in_models(self) -> tuple[Type, ...]:
        """The types of all fields of generated models."""
        classes = (code for service in self.services for code in service.classes)
        return tuple(it.field.type for code in classes for it in code.fields)

    @cached_property
    def fixture_data(self) -> FixtureData:
        """The data of the generated tests."""
        return fixture_data(self.product, self.services)

    @cached_property
    def view(self) -> ProjectView:
        """What gap rules and documents may look at."""
        return ProjectView(self.answers, self.product, self.lists, self.decisions, self.history.id)

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
        """Whether an option or the product has a trait; templates ask for these and name no option.

        Raises:
            ValueError: There is no such trait; a template misspells it.
        """
        if trait not in self._known_traits:
            raise ValueError(f"{trait!r} is no trait that an option or a product can have (decisions/traits.yml)")
        track(*(it.decision.id for it in self.decisions if it.decision.offered_with(trait)))
        with tracking():  # those that may provide it are
            provided = has(self.decisions, trait)
        return provided or trait in self.product.traits

    @cached_property
    def _known_traits(self) -> frozenset[str]:
        options = (option for it in self.decisions for option in it.decision.options)
        return PRODUCT_TRAITS.union(*(option.provides for option in options))

    @property
    def _options(self) -> tuple[Option, ...]:
        """The chosen options, untracked: what an option contributes tracks its decision itself."""
        with tracking():
            return tuple(it.option for it in self.decisions)

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """The modules that the chosen options add."""
        with tracking():
            brought = [module for option in self._options for module in option.modules]
            needed = [it for it in brought if not it.needs or self.has(it.needs)]
            written = {it.target for it in needed}  # of one service: it has no such module made for it
            made = chain.from_iterable(self._instances(it) for it in needed)
            return tuple(it for it in made if not it.items or it.target not in written)

    def _instances(self, module: Module) -> Iterator[Module]:
        """The module with the questions that may let it be there: once, or for each service or entity of its path."""
        because_of = {it.decision.id for it in self.decisions if it.decision.offered_with(module.needs)}
        if module.needs in PRODUCT_TRAITS:
            because_of |= {it.brought_by for it in self.product.services if it.brought_by}
            because_of |= self._decisions_behind(module.needs)
        if not (found := EACH.search(module.target)):
            yield replace(module, because_of=tuple(sorted(because_of))) if because_of else module
            return
        with tracking() as answers:
            items = [it for it in self._items(found["kind"], module) if not found["with"] or getattr(it, found["with"])]
        for item in items:
            yield from self._instances(
                replace(
                    module,
                    target=module.target.replace(found[0], item.path_name, 1),
                    because_of=(*module.because_of, *sorted(because_of | answers)),
                    items=(*module.items, (found["kind"], item)),
                )
            )

    def _decisions_behind(self, trait: str) -> set[str]:
        """The decisions that a trait of the product follows: what encrypts rewrites columns."""
        with tracking() as answers:
            self.product.has_trait(trait)
        return answers & {it.decision.id for it in self.decisions}

    def _items(self, kind: str, module: Module) -> Sequence[Any]:
        """What a path may be made for: the services, and what each has."""
        if kind == "service":
            return self.services
        items: Sequence[Any] = getattr(dict(module.items)["service"], KINDS[kind])
        return items

    @cached_property
    def dependencies(self) -> tuple[Requirement, ...]:
        """The packages that the options need and those that somebody requires in a version, each once."""
        with tracking():
            needed = (needed for option in self._options for needed in option.footprint.dependencies)
            by_package = {requirement.package: requirement for requirement in (*self._required, *needed)}
            return tuple(by_package[package] for package in sorted(by_package))

    @property
    def _required(self) -> Iterator[Requirement]:
        """The required libraries with their versions; one without comes with the first rule that uses it."""
        for it in self.view.items("required_libraries"):
            spec = f"{it.name}{it.get('constraint')}"
            if VERSIONED.fullmatch(spec):
                yield Requirement(spec, it.text or "required", "required_libraries")

    @cached_property
    def lookup_methods(self) -> frozenset[str]:
        """The ways in which services find what their records refer to."""
        entities = (entity for service in self.services for entity in service.entities)
        return frozenset(lookup.method for entity in entities for lookup in entity.lookups)

    @cached_property
    def typed_files(self) -> tuple[str, ...]:
        """The modules of services and processes outside of `services/common`."""
        processes = (it.file for it in self.processes if not it.file.startswith("services/common/"))
        files = (file for it in self.services for file in (*it.files, *self._modules_of_option(it), *self.owned_by(it)))
        owned = (it for it in OWNED if it.startswith("services/"))
        return tuple(dict.fromkeys((*files, *owned, *processes)))

    def _modules_of_option(self, service: ServiceCode) -> tuple[str, ...]:
        """The modules of a service that an option brings with it."""
        if not service.service.brought_by:
            return ()
        alone = (it.target for it in self.modules if not it.items)
        return tuple(it for it in alone if it.startswith(f"services/{service.name}/"))

    @cached_property
    def packages(self) -> tuple[tuple[str, str], ...]:
        """The packages of `services/common`, each with what it is about."""
        prefix = "services/common/"
        inside = (it.target.removeprefix(prefix) for it in self.modules if it.target.startswith(prefix))
        below = {path.partition("/")[0] for path in inside}
        used = below | {"references"} if self.lookup_methods else below
        return tuple((name, about) for name, about in PACKAGES.items() if name in used)

    @property
    def event_transport(self) -> EventTransport:
        """How events get to their subscribers."""
        return self.view.event_transport

    @cached_property
    def commands(self) -> tuple[tuple[str, str], ...]:
        """What can be run besides, by name."""
        person = (("person", "scripts.person:main"),) if self.product.person else ()
        return (*self._listed(lambda option: option.footprint.commands), *person)

    @property
    def person_parts(self) -> tuple[str, ...]:
        """What belongs to a person, as the command that erases it has it."""
        return tuple(self._person_part(it) for it in self.product.person)

    @property
    def person_account(self) -> Entity | None:
        """The entity of which each record is the account of a person, where options keep such."""
        return next((self.product.entities[it.entity] for it in self.product.person[1:] if not it.field), None)

    @property
    def person_owner(self) -> Field | None:
        """The field that may name the account whose record a person is."""
        person = self.product.entities[self.product.person[0].entity]
        owner = self.product.access_to[person.name].owner
        return next((it for it in person.fields if it.name == owner and it.type.kind in ("uuid", "str")), None)

    @property
    def person_copies(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """By service, the entities of which it keeps read copies and that belong to a person."""
        theirs = {it.entity for it in self.product.person}
        kept = (
            (it.name, tuple(copy.entity for copy in it.copies if copy.entity in theirs)) for it in self.product.services
        )
        return tuple(it for it in kept if it[1])

    @property
    def person_jobs(self) -> tuple[str, ...]:
        """The services with jobs about records that belong to a person."""
        theirs = {it.entity for it in self.product.person}
        return tuple(it.name for it in self.product.services if any(job.entity in theirs for job in it.jobs))

    @property
    def looks_up_tenants(self) -> bool:
        """Whether something is done for each tenant that has records, as jobs and retention are."""
        return self.has("tenants") and (self.has("limited_retention") or any(it.jobs for it in self.product.services))

    def _person_part(self, it: Belonging) -> str:
        arguments = [text.py(part) for part in (self.product.entities[it.entity].service, it.entity, it.action)]
        if it.field:
            arguments += [f"field={text.py(it.field)}", f"of={text.py(it.of)}"]
            arguments += [f"value={text.py(it.value)}"] if it.value != "id" else []
        return formatting.wrap(f"Part({', '.join(arguments)})", 4, 1)

    @property
    def manager(self) -> Manager:
        """The commands of the package manager, which record their decision themselves."""
        with tracking():
            managers = (it.manager for it in self.decisions)
            return next(it for it in managers if it)

    def run(self, command: str) -> str:
        """A command of the project as somebody types it: `plan check`."""
        return self.manager.command(command)

    def run_with(self, package: str, command: str) -> str:
        """The same with a package that the project does not need otherwise."""
        return self.manager.run_with.replace("{package}", package).replace("{command}", command)

    @property
    def checks(self) -> tuple[str, ...]:
        """The commands that all pass where the project is whole, as CI runs them."""
        return CHECKS

    def spelled(self, words: str) -> str:
        """Words of an option, with the commands that they leave to the package manager."""
        return with_commands(words, self.manager)

    @cached_property
    def servers(self) -> tuple[Server, ...]:
        """What must run in addition to the project."""
        return tuple(self._placed(it) for it in self._listed(lambda option: option.footprint.servers))

    def host(self, name: str) -> str:
        """Where the others find what runs under a name: a process, a server, the page of `dev`."""
        return self._shared(lambda option: option.footprint.host).replace("{name}", name)

    @property
    def scheme(self) -> str:
        """How the addresses of processes begin."""
        return self._shared(lambda option: option.footprint.scheme) or "http"

    def _placed(self, server: Server) -> Server:
        return replace(server, host=self.host(server.name))

    def _addressed(self, default: str) -> str:
        """The default of a setting, with the addresses that it leaves to the list of servers."""
        default = SERVICE.sub(lambda it: self.url(it[1]), default)
        return SERVER.sub(lambda it: self._placed(self.known_servers[it[1]]).address, default)

    def wording(self, topic: str) -> str:
        """The words of an option about something; empty where none has any."""
        return wording(self.decisions, topic)

    @cached_property
    def decisions_with_practices(self) -> tuple[Resolved, ...]:
        """The decisions whose options ask something of the people who run the project."""
        with tracking():
            return tuple(it for it in self.decisions if it.option.practice)

    @cached_property
    def monitoring(self) -> tuple[MonitoringHint, ...]:
        """What the options let people look at who run the project."""
        with tracking():
            return tuple(
                it for option in self._options for it in option.monitoring if not it.needs or self.has(it.needs)
            )

    @cached_property
    def processes(self) -> tuple[Process, ...]:
        """The processes: one per service or one for all, and the extra ones of options."""
        return tuple(self._processes())

    @cached_property
    def dashboard_port(self) -> int:
        """Where `dev` shows its page: before the first service, or at the next port that no service has."""
        track("port_base")
        taken = {process.port for process in self.processes}
        below, above = range(self.port_base - 1, 1023, -1), range(self.port_base, history.LAST_PORT)
        return next(port for port in chain(below, above) if port not in taken)

    def prefix(self, service: str) -> str:
        """The path under which a process serves a service."""
        return self._shared(lambda option: option.footprint.service_path).format(service=service)

    def _listed(self, part: Callable[[Option], Sequence[T]]) -> tuple[T, ...]:
        """The concatenated lists of the chosen options; those with empty lists are not tracked."""
        found: list[T] = []
        for it, option in zip(self.decisions, self._options, strict=True):
            if listed := part(option):
                track(it.decision.id)
                found += listed
        return tuple(found)

    def _shared(self, part: Callable[[Option], str]) -> str:
        """A value that at most one of the chosen options has; decisions without it are not tracked."""
        return shared_value(self.decisions, part)

    def url(self, service: str) -> str:
        """Where a service is on a developer's machine."""
        process = next(it for it in self.processes if service in it.services)
        return f"{process.url}{self.prefix(service)}"

    @cached_property
    def gateway(self) -> Process | None:
        """The process through which callers from outside come, where that is none of the services'."""
        path = self._shared(lambda option: option.footprint.gateway_path)
        return next((it for it in self.processes if not it.services and not it.runs_jobs_of), None) if path else None

    @property
    def entry_process(self) -> Process:
        """A process that callers from outside reach: the only one, where all go through it."""
        return self.gateway or self.processes[0]

    def serves_outsiders(self, process: Process) -> bool:
        """Whether callers from outside reach a process."""
        if self.gateway is not None:
            return process == self.gateway
        return any(it.exposure == "public" for it in self.product.services if it.name in process.services)

    def public_url(self, service: Service) -> str:
        """Where those find a service on a developer's machine who may call it."""
        if self.gateway is None or service.exposure != "public":
            return self.url(service.name)
        path = self._shared(lambda option: option.footprint.gateway_path).format(service=service.name)
        return f"{self.gateway.url}{path}"

    def docs_url(self, service: Service) -> str:
        """Where the API of a service is described to those who may call it."""
        if self.gateway is None or service.exposure != "public":
            return f"{self.url(service.name)}/docs"
        return f"{self.gateway.url}/docs"

    @cached_property
    def environment(self) -> tuple[EnvVar, ...]:
        """The settings: the options' own, and two for each API of somebody else."""
        with tracking():
            chosen = (variable for option in self._options for variable in option.footprint.environment)
            return (*self._variables(chosen), *_external_variables(self.product))

    @cached_property
    def row_storage(self) -> RowStorage | None:
        """Where the services keep their rows; nothing where no other project could read them."""
        return next(self._rows(self._options, self._filled), None)

    @cached_property
    def possible_row_storages(self) -> tuple[RowStorage, ...]:
        """Where rows can come from: what each option, chosen or not, would keep them in."""
        offered = [option for it in self.decisions for option in it.decision.offered]
        fills = [option.footprint.substitutions for option in offered if option.footprint.substitutions]
        found = [self._rows([option], partial(_filled, it)) for option in offered for it in fills or [()]]
        return tuple(dict.fromkeys(chain.from_iterable(found)))

    @cached_property
    def services_in_import_order(self) -> tuple[str, ...]:
        """The names of the services as their imports are sorted: numbers by their value, `s2` before `s10`."""

        def parts(name: str) -> list[str | int]:
            return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]

        return tuple(sorted((it.name for it in self.product.services), key=parts))

    @cached_property
    def owned_files(self) -> tuple[str, ...]:
        """The files that are written once and then belong to the project's people."""
        tests = (it.acceptance_test for it in self.product.features if it.criteria)
        code = (path for service in self.services for path in self.owned_by(service))
        return (*OWNED, *tests, *code)

    def owned_by(self, service: ServiceCode) -> tuple[str, ...]:
        """The owned files in the folder of a service."""
        return (*service.owned, *self.owned_modules(service.name))

    def owned_modules(self, service: str) -> dict[str, str]:
        """The owned files that options add for a service, with what people write there."""
        owned = [it for it in self.modules if it.team_writes and it.target.startswith(f"services/{service}/")]
        return {it.target: it.team_writes for it in owned}

    def answers_file(self, copier_answers: Mapping[str, object]) -> dict[str, object]:
        """What the answers file holds: Copier's own keys, then the answers in the questionnaire's order."""
        rank = {name: index for index, name in enumerate(self.question_order)}
        names = sorted(copier_answers, key=lambda it: (not it.startswith("_"), rank.get(it, len(rank))))
        spent = {name: nothing for name, nothing in SPENT.items() if name in copier_answers}
        source = copier_answers.get("_src_path")
        found = {"_src_path": _found_anywhere(source)} if isinstance(source, str) else {}
        recorded = {name: copier_answers[name] for name in names} | found | spent
        return recorded | {"history": self.history.as_answer()}

    def _processes(self) -> Iterator[Process]:
        app = self._shared(lambda option: option.footprint.app)
        if "{service}" in app:
            for it in self.product.services:
                with tracking() as answers:
                    port = _port(it)
                yield self._process(it.name, app.format(service=it.name), port, (it.name,), "", frozenset(answers))
        else:
            names = tuple(service.name for service in self.product.services)
            yield self._process(self.product.slug, app, self.port_base, names)
        offsets = dict(self.history.offsets)
        for decision, option in zip(self.decisions, self._options, strict=True):
            for put in option.footprint.extra_processes_for(self.product):
                track(decision.decision.id)
                yield self._process(put.name, put.app, self.port_base + offsets[put.name], (), put.runs_jobs_of)

    def _process(
        self,
        name: str,
        app: str,
        port: int,
        services: tuple[str, ...],
        runs_jobs_of: str = "",
        port_because_of: QuestionNames = frozenset({"port_base"}),
    ) -> Process:
        with tracking() as because_of:
            scheme, host = self.scheme, self.host(name)
        return Process(name, app, port, scheme, host, services, runs_jobs_of, port_because_of, frozenset(because_of))

    def _filled(self, default: str) -> str:
        """The default of a setting, with the substitutions of other options; those without one are not tracked."""
        for it, option in zip(self.decisions, self._options, strict=True):
            filled = _filled(option.footprint.substitutions, default)
            if filled != default:
                track(it.decision.id)
                default = filled
        return default

    def _rows(self, options: Iterable[Option], fill: Callable[[str], str]) -> Iterator[RowStorage]:
        for option in options:
            packages = {needed.package: needed.spec for needed in option.footprint.dependencies}
            for variable in option.footprint.environment:
                if variable.read_access:
                    url = self._addressed(fill(variable.default)).format(slug=self.product.slug, service="{service}")
                    driver = url.partition(":")[0].partition("+")[2]
                    yield RowStorage(url, packages[driver], variable.read_access)

    def _variables(self, variables: Iterable[Variable]) -> Iterator[EnvVar]:
        for variable in variables:
            if variable.needs and not self.has(variable.needs):
                continue
            if variable.per_service:
                of = [it for it in self.product.services if it.has_database or not variable.with_database_only]
                yield from (self._variable(variable, service.name) for service in of)
            else:
                yield self._variable(variable, variable.service)

    def _variable(self, variable: Variable, service: str = "") -> EnvVar:
        with tracking() as answers:
            words = {"service": service, "SERVICE": service.upper()}
            if service:
                words["url"] = self.url(service)
            default = self._addressed(self._filled(variable.default))
            if "{slug}" in default:
                words["slug"] = self.product.slug
            if "{roles}" in default:
                words["roles"] = json.dumps([it.name for it in self.product.roles])
            description = self.spelled(variable.description)
        return EnvVar(
            variable.name.format(**words),
            default.format(**words),
            variable.secret,
            description.format(**words),
            frozenset({variable.decision, *answers}),
            service,
            variable.type,
            variable.secret or variable.required,
            variable.optional_for_process or bool(service),
            variable.migrate_only,
            None if variable.unset is None else variable.unset.format(**words),
        )


def assemble(raw: Mapping[str, object], catalogue: Catalogue, question_order: Sequence[str] = ()) -> Project:
    """Assemble the project that the answers describe; raise `Refused` if they cannot be read or decided.

    The project may still have `problems`.
    """
    remembered = history.read(raw.get("history"))
    answers = Answers(raw)
    product = reading.read(raw, catalogue.settings)
    product = product if answers["access"].known else with_proposal(product)
    lists = {question: reading.items(answers, question) for question in reading.ITEMS}
    chosen = answers["port_base"].value
    port_base = chosen if isinstance(chosen, int) else PORT_BASE
    reopened = str(answers["reopened"].value or "").replace(",", " ").split()
    kept = {id: option for id, option in remembered.unchosen_options().items() if id not in reopened}
    decisions = resolve(catalogue, answers, holding(answers, product), kept)
    product = _with_services_of_options(product, decisions)
    product = product.encrypting() if has(decisions, "encrypted_fields") else product
    called = tuple(_names(product, lists))
    renames = reading.renamed(answers, product, dict(called), remembered.before)
    after = history.advance(
        remembered,
        HistoryInput(product, decisions, called, port_base, *_decided(answers), renames),
    )
    settled = history.assign_ports_and_ids(
        product, after, port_base, history.extra_process_names(decisions, product)
    ).versioned(
        shared_value(decisions, lambda option: option.footprint.record_path_prefix),
        shared_value(decisions, lambda option: option.footprint.version_header),
    )
    decisions = tuple(_remembered(it, after) for it in decisions)
    return Project(answers, settled, decisions, after, lists, port_base, catalogue.servers, tuple(question_order))


def _with_services_of_options(product: Product, decisions: Iterable[Resolved]) -> Product:
    """The product with the services that the chosen options bring; raise `Refused` where it has the names itself."""
    described = [(it, resolved.decision.id) for resolved in decisions for it in resolved.option.footprint.services]
    brought = tuple(reading.brought.service(it, decision, tenants=bool(product.tenants)) for it, decision in described)
    if problems := tuple(reading.brought.clashes(product, brought)):
        raise Refused(problems)
    if not brought:
        return product
    product = replace(product, services=(*product.services, *brought))
    return reading.brought.with_callers(product, (it for it, _ in described))


def _shadowed_records(product: Product) -> Iterator[Problem]:
    """Entities whose path every service uses for something else."""
    for entity in product.entities.values():
        if entity.path.strip("/") in RESERVED_PATHS:
            fix = "give it another name, or set api_versioning to url"
            yield Problem(
                "data_entities", f"{entity.name} would be found at {entity.path}, where every service answers", fix
            )


def _without_keys(project: Project) -> Iterator[Problem]:
    """Tables with encrypted fields, for which a project would no longer have keys."""
    if not project.has("encrypted_fields"):
        tables = {name for _, revisions in project.history.schema for name in encrypted_tables(revisions)}
        if tables:
            what = f"fields of {text.all_of(tuple(sorted(tables)))} are encrypted in databases that exist"
            fix = "choose fields; to store a field as it is again, take its mark away in data_entities"
            yield Problem("encryption", what, fix)


def _truncated_names(project: Project) -> Iterator[Problem]:
    """Names that a database server would truncate, so that two services might end up with the same one."""
    used = [it.default for option in project._options for it in option.footprint.environment]
    filled = [pair for option in project._options for pair in option.footprint.substitutions]
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


def _found_anywhere(source: str) -> str:
    """Where the template is, said so that it is found from each folder: an address as it is, a path as a whole one."""
    path = Path(source)
    return path.resolve().as_posix() if not path.is_absolute() and path.exists() else source


def _remembered(it: Resolved, memory: History) -> Resolved:
    """A decision with what the history records about it."""
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
        yield EnvVar(
            f"{api.env}_URL",
            url,
            False,
            f"Where {api.name} is reached",
            answers,
            required=True,
            type="SecureUrl" if api.needs_key else "",
            optional_for_process=True,
        )
        about = f"The key by which {api.name} knows this project"
        if api.needs_key:
            known = answers | {"external_api_details"}
            yield EnvVar(api.key, key, True, about, known, required=True, optional_for_process=True)
        if api.max_calls:
            known = answers | {"external_api_details"}
            about = (
                f"How many calls to {api.name} a process makes within {api.env}_MAX_CALLS_WITHIN_S, retries included"
            )
            yield EnvVar(f"{api.env}_MAX_CALLS", str(api.max_calls), False, about, known, type="int")
            about = f"The seconds within which a process makes {api.env}_MAX_CALLS calls to {api.name}"
            within = str(float(api.within_s))
            yield EnvVar(f"{api.env}_MAX_CALLS_WITHIN_S", within, False, about, known, type="PositiveFloat")
        timeout = str(float(api.timeout_s or CALL_TIMEOUT_S))
        about = f"How long a call to {api.name} may take, retries included"
        yield EnvVar(f"{api.env}_TIMEOUT_S", timeout, False, about, answers, type="PositiveFloat")


def _port(service: Service) -> int:
    if service.port is None:
        raise ValueError(f"{service.name} has no port before history gave it one")
    return service.port
