"""The catalogue: every decision with its options, read from `decisions/*/decision.yml`.

An option is one entry of that file and, if it has code, one folder next to it that mirrors the generated project.
Nothing outside that folder names the option: templates ask for traits, footprints and modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import yaml

from .domain import PRODUCT_TRAITS, Product, Request
from .provenance import tracked

STATUSES = ("offered", "planned")
"""An option is `offered`, or `planned`: discussed in documents, but not selectable yet."""

LEFT_OPEN = ("auto", "tbd")
"""What every decision accepts besides its options: the catalogue chooses, or it is still to be decided."""

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C loader is ten times faster; PyYAML has it only if it was built with libyaml."""

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
"""The guide's groups of decisions, by its numbering."""

SPELLED = re.compile(r"\{(?:run:(?P<command>[^{}]+)|(?P<part>sync|lock|lock_check|lock_file))\}")
"""What the words of an option leave to the package manager: `{run:plan check}`, `{lock}`."""

SERVER = re.compile(r"\{server:([^{}]+)\}")
"""What the default of a setting leaves to the list of servers: the address of one, `{server:redis}`."""

SERVICE = re.compile(r"\{service:([^{}]+)\}")
"""What it leaves to the list of processes: the URL of a service that the option brings, `{service:identity}`."""

T = TypeVar("T")


class CatalogueError(ValueError):
    """A malformed decision file; the message names the file and the place in it."""


def package_of(spec: str) -> str:
    """The name of a package, as indexes compare it (PEP 503): `pyjwt` of `PyJWT[crypto]==2.15.1`."""
    return re.sub("[-_.]+", "-", re.split("[^A-Za-z0-9._-]", spec.strip())[0]).lower()


@tracked(lambda it, part: (it.decision,) if part != "decision" else ())
@dataclass(frozen=True)
class Requirement:
    """A package that the generated project depends on, and why."""

    spec: str
    """With its version: `aiosqlite==0.22.1`."""
    why: str
    decision: str = ""
    """The decision whose option needs it, or the question whose answer does."""

    @property
    def package(self) -> str:
        """`sqlalchemy` of `sqlalchemy[asyncio]==2.1.9`."""
        return package_of(self.spec)

    def __str__(self) -> str:
        return self.spec


@dataclass(frozen=True)
class ReadAccess:
    """How the migration of a project that moves to another database reads this one without changing it."""

    begin_statement: str
    """Begins a read-only transaction."""
    database_name: str = "{database}"
    """The name under which it is opened, made from the one in its URL."""
    url_query: tuple[tuple[str, str], ...] = ()
    """Further parameters of its URL."""


@tracked(lambda it, part: (it.decision,) if part != "decision" else ())
@dataclass(frozen=True)
class Manager:
    """The commands of a package manager, as typed; `{command}` and `{package}` stand for names."""

    run: str
    """A command of the project."""
    run_with: str
    """The same with a package that the project does not need otherwise."""
    tool: str
    """A command of a package that is none of the project's."""
    install: str
    """How it comes itself, on a machine with Python."""
    sync: str
    """Brings the packages that the project needs."""
    sync_production: str
    """The same without those that only development needs."""
    add: str
    """Makes the project need one more."""
    lock: str
    """Writes down which version of each package is installed."""
    lock_check: str
    """Looks whether that is still so."""
    lock_file: str
    """Where it is written down."""
    pyproject: str
    """What `pyproject.toml` tells it, and the tool that builds the project."""
    decision: str = ""
    """Whose option it is."""

    def command(self, command: str) -> str:
        """A command of the project: `dev`."""
        return self.run.replace("{command}", command)


@tracked(lambda it, part: (it.decision,) if part != "decision" else ())
@dataclass(frozen=True)
class Variable:
    """An environment variable; with `{service}` or `{SERVICE}` in its name, each service has its own."""

    name: str
    default: str = ""
    unset: str | None = None
    """Its value where nobody sets it, if the default is for development only."""
    description: str = ""
    secret: bool = False
    type: str = ""
    """Its annotation in the generated settings; a string if empty."""
    required: bool = False
    """Whether production must set it although it is not a secret: the default is for development only."""
    optional_for_process: bool = False
    """Whether a process that never reads it may start without it."""
    migrate_only: bool = False
    """Whether only the command `migrate` reads it, and no service."""
    with_database_only: bool = False
    """Whether services that keep nothing have none of their own."""
    service: str = ""
    """The service that reads it alone, if the option brings that one."""
    needs: str = ""
    """The trait of the product without which nothing reads it."""
    decision: str = ""
    """The decision whose option reads it."""
    read_access: ReadAccess | None = None
    """For the URL of a relational database: how a migration reads its rows."""

    @property
    def per_service(self) -> bool:
        return "{service}" in self.name or "{SERVICE}" in self.name


@dataclass(frozen=True)
class MonitoringHint:
    """Something that an operator can monitor."""

    what: str
    where: str
    if_unhealthy: str
    """What it means, or what to do about it, when something is wrong."""
    needs: str = ""
    """The trait without which it does not exist."""


@dataclass(frozen=True)
class EventTransport:
    """How events are delivered to their subscribers; `{slug}`, `{service}` and `{event}` are placeholders."""

    timeout: str
    """How long one attempt may take."""
    endpoint: str = ""
    """The path at which a subscriber receives events as HTTP requests."""
    broker: str = ""
    """The message broker, if there is one."""
    published_to: str = ""
    """The broker's address for publishing an event."""
    consumed_from: str = ""
    """The broker's address from which a subscriber consumes its events."""
    dead_letters_in: str = ""
    """Where the broker keeps events that a subscriber rejected permanently."""
    monitoring: tuple[MonitoringHint, ...] = ()


@dataclass(frozen=True)
class ExtraProcess:
    """A process besides those that serve the services: an edge process or a worker."""

    name: str
    app: str
    runs_jobs_of: str = ""
    """The service whose jobs it runs; empty for a process that external callers reach."""


@dataclass(frozen=True)
class Server:
    """What must run in addition to the project, and how a developer or CI starts it as a container."""

    name: str
    image: str
    port: int
    """Where it listens."""
    arguments: tuple[str, ...] = ()
    """The arguments that its image gets."""
    environment: tuple[tuple[str, str], ...] = ()
    host: str = ""
    """Where the project finds it."""

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class BroughtService:
    """A service that an option adds to those of the product."""

    name: str
    responsibility: str
    entities: tuple[str, ...]
    """As `data_entities` declares them; they are private."""
    requests: tuple[Request, ...]
    """What it answers. Its `api.py` is a module of an option, with a router `public` for what anyone may ask."""
    components: tuple[str, ...] = ()
    of_tenants: tuple[str, ...] = ()
    """The fields, as `Account.organisation`, that there are only where the product serves several organisations."""
    person: tuple[str, ...] = ()
    """As `person` declares it: what belongs to a caller, beginning with the entity of which each record is one."""


@dataclass(frozen=True)
class Footprint:
    """What an option adds to places that it shares with other options."""

    dependencies: tuple[Requirement, ...] = ()
    environment: tuple[Variable, ...] = ()
    app: str = ""
    """The ASGI application that a process runs; with `{service}` in it, each service has its own process."""
    service_path: str = ""
    """The path under which a process serves a service."""
    record_path_prefix: str = ""
    """The prefix of the paths of records at their service."""
    version_header: str = ""
    """The header in which callers name the version of the API that they understand."""
    event_transport: EventTransport | None = None
    extra_processes: tuple[tuple[str, str], ...] = ()
    """The names, which no service can have, and applications of processes that serve no service.

    With `{service}` in it, there is one for each service with jobs.
    """
    services: tuple[BroughtService, ...] = ()
    gateway_path: str = ""
    """The path under which the first extra process exposes a service to external callers."""
    commands: tuple[tuple[str, str], ...] = ()
    """The name and function of each further command."""
    manager: Manager | None = None
    servers: tuple[Server, ...] = ()
    host: str = ""
    """The host under which a process or a server is found by the others; `{name}` stands for its name."""
    scheme: str = ""
    """How the addresses of processes begin, if that is not `http`."""
    substitutions: tuple[tuple[str, str], ...] = ()
    """Values for placeholders in the defaults of other options: `{database}`. May contain `{slug}` and `{service}`."""

    def extra_processes_for(self, product: Product) -> Iterator[ExtraProcess]:
        """The extra processes that a product needs."""
        for name, app in self.extra_processes:
            if "{service}" not in name:
                yield ExtraProcess(name, app)
                continue
            for it in product.services:
                if it.jobs:
                    yield ExtraProcess(name.format(service=it.name), app.format(service=it.name), it.name)


@tracked(lambda it, part: (it.decision, *it.because_of) if part not in ("decision", "because_of") else ())
@dataclass(frozen=True)
class Module:
    """A whole file that an option adds to the generated project."""

    target: str
    """Its path in the generated project; `{service}` or `{entity}` in it makes it one for each of them."""
    source: str
    """Its path in the template repository."""
    text: str
    """Its content before rendering."""
    rendered: bool
    """Whether `source` is a Jinja template."""
    decision: str
    """The decision whose option adds it."""
    team_writes: str = ""
    """What people write there, if it is an owned file: written once, and never overwritten."""
    needs: str = ""
    """The trait without which it is left out."""
    because_of: tuple[str, ...] = ()
    """The questions whose answers decide whether a project has it."""
    items: tuple[tuple[str, object], ...] = ()
    """What its path was made for, by name; its template reads them as variables."""


@dataclass(frozen=True)
class Option:
    """One option of a decision, with the texts for documents and the weights for `auto`."""

    name: str
    label: str
    because: str
    """Why it is chosen."""
    cost: str
    """What one accepts with it."""
    rejected: str
    """Why it is rejected in favour of another option."""
    status: str = "offered"
    named: tuple[str, ...] = ()
    """The names by which a constraint asks for it: `PostgreSQL`, `Postgres`."""
    confirmed_by: str = ""
    """The check that proves that the project follows it."""
    practice: str = ""
    """What operators and developers must do to follow it, beyond what the code does."""
    standard: str = ""
    """How people write code that follows it."""
    wording: tuple[tuple[str, str], ...] = ()
    """Phrases that documents take from it, by topic."""
    monitoring: tuple[MonitoringHint, ...] = ()
    """What can be monitored while the project runs."""
    drivers: tuple[tuple[str, int], ...] = ()
    """How much each driver speaks for it, or against it if negative."""
    provides: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Traits that another decision's option must provide."""
    conflicts: tuple[str, ...] = ()
    """Traits and drivers that it is incompatible with."""
    footprint: Footprint = Footprint()
    shared_modules: tuple[str, ...] = ()
    """Folders of modules that it shares with other options of the decision."""
    modules_when: tuple[tuple[str, str], ...] = ()
    """Traits, each with a folder of modules that the option adds if some option provides the trait."""
    modules: tuple[Module, ...] = ()

    @property
    def offered(self) -> bool:
        return self.status == "offered"


@dataclass(frozen=True)
class Reversal:
    """The size of a decision's most expensive change in a project of three services, documents excluded."""

    files: int
    lines: int

    def __str__(self) -> str:
        files = f"{self.files} file{'' if self.files == 1 else 's'}"
        return f"{files} and {self.lines} line{'' if self.lines == 1 else 's'}" if self.files else "no file of code"


@dataclass(frozen=True)
class Decision:
    """A question of the guide with a fixed set of options."""

    id: str
    guide: str
    """The guide's question: `A3b`."""
    phase: int
    question: str
    options: tuple[Option, ...]
    """The simplest first: ties go to the earlier one."""
    required_modules: tuple[str, ...] = ()
    """The modules that each offered option must have, because other code imports them."""
    owned_modules: tuple[tuple[str, str], ...] = ()
    """The modules of its options that are written once, and never overwritten; with what people write there."""
    applies_when: tuple[str, ...] = ()
    """Traits and drivers of which at least one must hold for the decision to apply; empty if it always applies."""
    not_applicable: str = ""
    """What documents state when it does not apply."""
    reversal: Reversal | None = None
    """Measured if more than one option is offered."""

    @property
    def offered(self) -> tuple[Option, ...]:
        return tuple(option for option in self.options if option.offered)

    def offered_with(self, trait: str) -> tuple[Option, ...]:
        """The offered options that provide a trait."""
        return tuple(option for option in self.offered if trait in option.provides)

    @cached_property
    def offered_traits(self) -> frozenset[str]:
        """The traits that at least one of its offered options provides."""
        return frozenset(trait for option in self.offered for trait in option.provides)

    @cached_property
    def depends_on(self) -> frozenset[str]:
        """The traits and drivers by which it applies, or that an offered option needs or conflicts with."""
        return frozenset(self.applies_when).union(*((*it.needs, *it.conflicts) for it in self.offered))

    @property
    def settled(self) -> bool:
        """True if only one option is offered, so that there is nothing to ask."""
        return len(self.offered) == 1

    @property
    def answers(self) -> tuple[str, ...]:
        """What the question accepts."""
        return (*(option.name for option in self.offered), *LEFT_OPEN)

    @property
    def words(self) -> tuple[str, ...]:
        """All recognised answers: planned options have their own error message."""
        return (*(option.name for option in self.options), *LEFT_OPEN)

    @property
    def group(self) -> str:
        """The guide's group of the decision, such as `data`."""
        return GROUPS[self.guide[:2]]

    def option(self, name: str) -> Option | None:
        return next((option for option in self.options if option.name == name), None)


@dataclass(frozen=True)
class Catalogue:
    """All decisions in the guide's order."""

    decisions: tuple[Decision, ...]
    traits: tuple[tuple[str, str], ...] = ()
    """The traits that options may provide, each with its meaning in a sentence."""

    def __getitem__(self, id: str) -> Decision:
        return next(decision for decision in self.decisions if decision.id == id)

    @cached_property
    def subjects(self) -> frozenset[str]:
        """The traits and drivers on which it depends whether a decision applies."""
        return frozenset(it for decision in self.decisions for it in decision.applies_when)

    @cached_property
    def settings(self) -> frozenset[str]:
        """The names of the environment variables of all offered options, except those per service."""
        offered = (option for decision in self.decisions for option in decision.offered)
        variables = (variable for option in offered for variable in option.footprint.environment)
        return frozenset(it.name for it in variables if not it.per_service)

    @cached_property
    def servers(self) -> dict[str, Server]:
        """The servers that options need, planned ones included, by name."""
        options = (option for decision in self.decisions for option in decision.options)
        return {server.name: server for option in options for server in option.footprint.servers}

    @property
    def manager(self) -> Manager | None:
        """The package manager of which documents speak that are about no project."""
        offered = (option for decision in self.decisions for option in decision.offered)
        return next((option.footprint.manager for option in offered if option.footprint.manager), None)

    @cached_property
    def related_decisions(self) -> dict[str, tuple[str, ...]]:
        """The ids of the decisions that each decision depends on by a trait, or that depend on it, by its own id."""
        return {
            it.id: tuple(
                other.id
                for other in self.decisions
                if other is not it and (it.offered_traits & other.depends_on or other.offered_traits & it.depends_on)
            )
            for it in self.decisions
        }


def with_commands(words: str, manager: Manager | None) -> str:
    """An option's text with its placeholders, such as `{run:plan check}`, written as the package manager runs them."""

    def spell(found: re.Match[str]) -> str:
        if manager is None:
            return found[0]
        return manager.command(found["command"]) if found["command"] else str(getattr(manager, found["part"]))

    return SPELLED.sub(spell, words)


def load(folder: Path) -> Catalogue:
    """Read every decision under `folder`; raise `CatalogueError` for the first malformed one."""
    decisions = [_decision(path) for path in sorted(folder.glob("*/decision.yml"))]
    traits = _traits(folder / "traits.yml")
    catalogue = Catalogue(tuple(sorted(decisions, key=lambda it: (it.phase, it.guide, it.id))), traits)
    for decision in catalogue.decisions:
        where = f"decisions/{decision.id}/decision.yml"
        for option in decision.options:
            _check_traits(option, frozenset(dict(traits)), f"{where}: options.{option.name}")
        for variable in (it for option in decision.options for it in option.footprint.environment):
            if unknown := set(SERVER.findall(variable.default)) - catalogue.servers.keys():
                raise CatalogueError(f"{where}: {variable.name} is at a server that no option has: {min(unknown)}")
    return catalogue


def _traits(path: Path) -> tuple[tuple[str, str], ...]:
    """The traits that are described; none where no option provides any."""
    where = f"decisions/{path.name}"
    return _phrases(yaml.load(path.read_text("utf-8"), LOADER), where) if path.is_file() else ()


def _check_traits(option: Option, described: frozenset[str], where: str) -> None:
    """Refuse an option that names a trait which is not described."""
    modules = {it.needs for it in option.modules} | {it.needs for it in option.monitoring}
    for key, named, known in (
        ("provides", {*option.provides}, described),
        ("needs", {*option.needs}, described),
        ("modules or monitoring", modules - {""}, described | PRODUCT_TRAITS),
    ):
        if unknown := named - known:
            raise CatalogueError(f"{where}: {key}: decisions/traits.yml does not describe {min(unknown)!r}")


def _decision(path: Path) -> Decision:
    where = f"decisions/{path.parent.name}/decision.yml"
    try:
        raw = yaml.load(path.read_text("utf-8"), LOADER)
    except yaml.YAMLError as error:
        raise CatalogueError(f"{where}: is not YAML: {' '.join(str(error).split())}") from error
    entry = _mapping(raw, where)
    options = _mapping(entry.get("options"), f"{where}: options")
    owned = _phrases(entry.get("owned_modules", {}), f"{where}: owned_modules")
    decision = _instance(
        Decision,
        {
            **entry,
            "id": path.parent.name,
            "options": tuple(_option(path.parent, where, *item, owned) for item in options.items()),
            "required_modules": _texts(entry.get("required_modules"), f"{where}: required_modules"),
            "owned_modules": owned,
            "applies_when": _texts(entry.get("applies_when"), f"{where}: applies_when"),
            "reversal": _reversal(path.with_name("reversal.yml")),
        },
        where,
    )
    if not decision.offered:
        raise CatalogueError(f"{where}: offers no option")
    if bool(decision.applies_when) != bool(decision.not_applicable):
        raise CatalogueError(f"{where}: has one of applies_when and not_applicable; they need each other")
    if decision.guide[:2] not in GROUPS:
        raise CatalogueError(f"{where}: guide is {decision.guide!r}, which is in none of {', '.join(GROUPS)}")
    for option in decision.offered:
        if missing := set(decision.required_modules) - {module.target for module in option.modules}:
            raise CatalogueError(f"{where}: {option.name} does not bring {', '.join(sorted(missing))}")
    if len({option.footprint.manager is None for option in decision.offered}) > 1:
        raise CatalogueError(f"{where}: has options with a manager and without one; they need one each")
    return decision


def _reversal(path: Path) -> Reversal | None:
    """The measured cost of reversing a decision, if it was measured."""
    if not path.is_file():
        return None
    where = f"decisions/{path.parent.name}/{path.name}"
    return _instance(Reversal, _mapping(yaml.load(path.read_text("utf-8"), LOADER), where), where)


def _option(folder: Path, file: str, name: str, raw: object, owned: Sequence[tuple[str, str]]) -> Option:
    where = f"{file}: options.{name}"
    if name in LEFT_OPEN:
        raise CatalogueError(f"{where}: the name is taken")
    entry = _mapping(raw, where)
    drivers = _mapping(entry.get("drivers", {}), f"{where}.drivers")
    shared = _texts(entry.get("shared_modules"), f"{where}.shared_modules")
    conditional = _phrases(entry.get("modules_when", {}), f"{where}.modules_when")
    for key, folders in (("shared_modules", shared), ("modules_when", [it for _, it in conditional])):
        if missing := [it for it in folders if not (folder / it).is_dir()]:
            raise CatalogueError(f"{where}.{key}: there is no folder {missing[0]}")
    folders_by_trait = [("", name), *(("", it) for it in shared), *conditional]
    option = _instance(
        Option,
        {
            **entry,
            "name": name,
            "drivers": tuple((driver, _weight(weight, where)) for driver, weight in drivers.items()),
            "wording": _phrases(entry.get("wording", {}), f"{where}.wording"),
            "footprint": _footprint(entry.get("footprint", {}), folder.name, f"{where}.footprint"),
            "shared_modules": shared,
            "modules_when": conditional,
            "monitoring": _monitoring(entry.get("monitoring", []), f"{where}.monitoring"),
            "modules": tuple(
                replace(module, team_writes=dict(owned).get(module.target, ""))
                for trait, it in folders_by_trait
                for module in _modules(folder / it, trait)
            ),
            **{key: _texts(entry.get(key), f"{where}.{key}") for key in ("named", "provides", "needs", "conflicts")},
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
    return _instance(
        Footprint,
        {
            **entry,
            "dependencies": tuple(Requirement(spec, str(why), decision) for spec, why in dependencies.items()),
            "environment": tuple(
                _variable(name, variable, decision, f"{where}.{name}") for name, variable in environment.items()
            ),
            "event_transport": _event_transport(entry["event_transport"], f"{where}.event_transport")
            if "event_transport" in entry
            else None,
            "manager": _manager(entry["manager"], decision, f"{where}.manager") if "manager" in entry else None,
            "servers": _servers(entry.get("servers", {}), f"{where}.servers"),
            "services": _services(entry.get("services", {}), decision, f"{where}.services"),
            **{
                key: _phrases(entry.get(key, {}), f"{where}.{key}")
                for key in ("extra_processes", "commands", "substitutions")
            },
        },
        where,
    )


def _manager(raw: object, decision: str, where: str) -> Manager:
    return _instance(Manager, {**_mapping(raw, where), "decision": decision}, where)


def _servers(raw: object, where: str) -> tuple[Server, ...]:
    return tuple(_server(name, it, f"{where}.{name}") for name, it in _mapping(raw, where).items())


def _server(name: str, raw: object, where: str) -> Server:
    entry = _mapping(raw, where)
    return _instance(
        Server,
        {
            **entry,
            "name": name,
            "arguments": _texts(entry.get("arguments"), f"{where}.arguments"),
            "environment": _phrases(entry.get("environment", {}), f"{where}.environment"),
        },
        where,
    )


def _services(raw: object, decision: str, where: str) -> tuple[BroughtService, ...]:
    return tuple(_service(name, it, decision, f"{where}.{name}") for name, it in _mapping(raw, where).items())


def _service(name: str, raw: object, decision: str, where: str) -> BroughtService:
    entry = _mapping(raw, where)
    requests = _mapping(entry.get("requests", {}), f"{where}.requests")
    return _instance(
        BroughtService,
        {
            **entry,
            "name": name,
            "entities": _texts(entry.get("entities"), f"{where}.entities"),
            "requests": tuple(_request(id, it, decision, f"{where}.{id}") for id, it in requests.items()),
            "components": _texts(entry.get("components"), f"{where}.components"),
            "of_tenants": _texts(entry.get("of_tenants"), f"{where}.of_tenants"),
            "person": _texts(entry.get("person"), f"{where}.person"),
        },
        where,
    )


def _request(id: str, raw: object, decision: str, where: str) -> Request:
    entry = _mapping(raw, where)
    problems = entry.get("problems")
    if not isinstance(problems, list) or not all(isinstance(it, int) for it in problems):
        raise CatalogueError(f"{where}.problems: must be a list of statuses")
    return _instance(Request, {**entry, "id": id, "problems": tuple(problems), "brought_by": decision}, where)


def _event_transport(raw: object, where: str) -> EventTransport:
    entry = _mapping(raw, where)
    monitoring = _monitoring(entry.get("monitoring", []), f"{where}.monitoring")
    return _instance(EventTransport, {**entry, "monitoring": monitoring}, where)


def _variable(name: str, raw: object, decision: str, where: str) -> Variable:
    entry = _mapping(raw, where)
    access = _read_access(entry["read_access"], f"{where}.read_access") if "read_access" in entry else None
    return _instance(Variable, {**entry, "name": name, "decision": decision, "read_access": access}, where)


def _read_access(raw: object, where: str) -> ReadAccess:
    entry = _mapping(raw, where)
    query = _mapping(entry.get("url_query", {}), f"{where}.url_query")
    return _instance(ReadAccess, {**entry, "url_query": tuple((name, str(it)) for name, it in query.items())}, where)


def _monitoring(raw: object, where: str) -> tuple[MonitoringHint, ...]:
    if not isinstance(raw, list):
        raise CatalogueError(f"{where}: must be a list")
    return tuple(_instance(MonitoringHint, _mapping(it, where), where) for it in raw)


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


def _instance(kind: type[T], values: Mapping[str, object], where: str) -> T:
    """Build a dataclass from an entry of a file, after checking that the keys are exactly its fields."""
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


def _phrases(raw: object, where: str) -> tuple[tuple[str, str], ...]:
    """A mapping from topics to texts."""
    return tuple((name, " ".join(str(text).split())) for name, text in _mapping(raw, where).items())


def _texts(raw: object, where: str) -> tuple[str, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        raise CatalogueError(f"{where}: must be a list of words")
    return tuple(raw)


def _weight(raw: object, where: str) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise CatalogueError(f"{where}.drivers: {raw!r} is not a whole number")
    return raw
