"""What was asked: the product in its own words, normalised, immutable and independent of any technology.

`reading.py` builds a `Product` from answers; everything else only looks at one.
Names keep the field's words: entity, event, read copy, reaction, feature, acceptance criterion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from graphlib import TopologicalSorter

from .provenance import cached_property, told
from .text import js

SCALARS = ("str", "text", "int", "float", "bool", "money", "date", "datetime", "email", "url", "uuid")
"""The kinds of field that hold one plain value."""

OPERATIONS = ("create", "update", "delete")
"""What can happen to a record, in the order in which it happens."""


def snake(name: str) -> str:
    """`OrderLine` as `order_line`, `order.placed` as `order_placed`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace(".", "_").lower()


def pascal(name: str) -> str:
    """`order.placed` or `order_line` as `OrderPlaced`, `OrderLine`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[._\s-]+", name))


def plural(word: str) -> str:
    """The plural of an English noun by the regular rules; some are their own."""
    if re.search(r"(series|species|news)$", word):
        return word
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(s|x|z|ch|sh)$", word) else "s")


@dataclass(frozen=True)
class Type:
    """The type of a field, as it was written: `str`, `list[Line]`, `placed|paid`, `Book?`."""

    kind: str
    """One of `SCALARS`, or `choice`, `reference` (to an entity, by id) or `value` (an embedded value object)."""
    target: str = ""
    """The entity or value object meant, for `reference` and `value`."""
    choices: tuple[str, ...] = ()
    many: bool = False
    optional: bool = False

    def __str__(self) -> str:
        name = "|".join(self.choices) if self.kind == "choice" else self.target or self.kind
        return (f"list[{name}]" if self.many else name) + ("?" if self.optional else "")


@told(lambda _, __: ("data_entities",))
@dataclass(frozen=True)
class Field:
    """A field of an entity, a value object or an event."""

    name: str
    type: Type
    default: str | int | float | bool | None = None
    """What a client may leave out; `None` means that there is no default."""

    @property
    def required(self) -> bool:
        return self.default is None and not self.type.optional

    @property
    def written(self) -> str:
        """The default as an answer has it; empty without one."""
        said = "" if self.default is None else str(self.default)
        return said.lower() if isinstance(self.default, bool) else said

    def __str__(self) -> str:
        return f"{self.name}: {self.type}" + ("" if self.default is None else f" = {self.written}")


@told(lambda _, __: ("data_entities",))
@dataclass(frozen=True)
class Value:
    """A value object: fields without an identity, embedded where it is used."""

    name: str
    fields: tuple[Field, ...]


@told(lambda _, part: ("data_entities", *(["api_versioning"] if part in ("path", "prefix") else ())))
@dataclass(frozen=True)
class Entity:
    """Records with an identity, kept by one service."""

    name: str
    service: str
    fields: tuple[Field, ...]
    prefix: str = ""
    """What its address begins with, if versions of the API are told by it: `/v1`."""

    @property
    def snake(self) -> str:
        return snake(self.name)

    @property
    def words(self) -> str:
        """`OrderLine` as `order line`."""
        return self.snake.replace("_", " ")

    @property
    def collection(self) -> str:
        """The last part of its address: `order-lines`."""
        return plural(self.snake).replace("_", "-")

    @property
    def path(self) -> str:
        """Its address at its service: `/v1/order-lines`."""
        return f"{self.prefix}/{self.collection}"

    @property
    def table(self) -> str:
        return plural(self.snake)


@told(lambda _, __: ("services",))
@dataclass(frozen=True)
class Event:
    """A fact that a service publishes with the change that caused it."""

    name: str
    """Dotted, in the past tense: `order.placed`."""
    service: str
    entity: str
    operations: tuple[str, ...]
    """The operations on the entity that cause it, out of `OPERATIONS`."""
    fields: tuple[Field, ...]
    """What it carries beside the record's id and version; all fields of the entity unless declared."""
    implied: bool = False
    """True when nobody declared it and a read copy needs it."""

    @property
    def snake(self) -> str:
        return snake(self.name)

    @property
    def pascal(self) -> str:
        return pascal(self.name)

    @property
    def does_to_copies(self) -> str:
        """What whoever keeps a copy of its entity does because of it: `renew` or `remove`."""
        return "remove" if self.operations == ("delete",) else "renew"


@dataclass(frozen=True)
class Dependency:
    """A declared call from one service to another."""

    service: str
    when_away: str = "refuse"
    """`refuse`: a write that needs the answer fails with 503; `accept`: it is stored unchecked."""

    @property
    def without(self) -> str:
        """`refuses while catalog is away`."""
        return f"{'refuses' if self.when_away == 'refuse' else 'goes on'} while {self.service} is away"


@dataclass(frozen=True)
class Check:
    """An entity of another service that a service asks for before it stores what refers to it."""

    owner: str
    entity: Entity
    when_away: str


@dataclass(frozen=True)
class ReadCopy:
    """A copy of another service's entity, kept up to date through events, so that checks need no call."""

    entity: str
    owner: str


@told(lambda _, __: ("services",))
@dataclass(frozen=True)
class Reaction:
    """What a service does about an event: create a record of its own."""

    event: str
    creates: str
    mapping: tuple[tuple[str, Source], ...]
    """Field of the created record, and where its value comes from."""

    @property
    def snake(self) -> str:
        """The module of its rules: `on_order_placed_create_notification` would be exact; the event names it alone
        unless one service reacts twice, which `reading.py` refuses."""
        return f"on_{snake(self.event)}"


@dataclass(frozen=True)
class Schedule:
    """Moments that are one period apart, counted from the beginning of a Monday in UTC."""

    minutes: int
    """From one moment to the next."""
    after: int
    """Minutes from the beginning of that Monday to the first moment."""
    words: str
    """As it was written: `daily at 02:00`."""


@told(lambda _, __: ("jobs",))
@dataclass(frozen=True)
class Job:
    """Work that outlasts the request that asked for it, or that is due at times."""

    name: str
    service: str
    entity: str = ""
    """Whose change asks for it; empty where a schedule does."""
    operations: tuple[str, ...] = ()
    """The operations on the entity that ask for it, out of `OPERATIONS`."""
    schedule: Schedule | None = None

    @property
    def words(self) -> str:
        """`send receipt`"""
        return self.name.replace("_", " ")

    @property
    def begins(self) -> str:
        """What begins it: `on create Order`, `daily at 02:00`."""
        return self.schedule.words if self.schedule else f"on {', '.join(self.operations)} {self.entity}"


@dataclass(frozen=True)
class Source:
    """Where a reaction takes a value from: a field of the event, or a literal."""

    field: str = ""
    """A field of the event, or `id` for the record that it is about; empty for a literal."""
    literal: str | int | float | bool | None = None

    def __str__(self) -> str:
        """`customer`, or `"Your order has arrived"`."""
        return self.field or js(self.literal)


def _says(service: Service, part: str) -> Iterator[str]:
    """The questions that a part of a service answers."""
    yield "services"
    if part == "jobs":
        yield "jobs"
    if part == "port" and service.counted:
        yield "port_base"


@told(_says)
@dataclass(frozen=True)
class Service:
    """A boundary: one responsibility, its entities, and what it says to and hears from the others."""

    name: str
    responsibility: str
    port: int | None = None
    """Only when the answers fix it; `history.py` gives the others one."""
    exposure: str = "public"
    """`public`: callers outside the system may use it; `internal`: only the other services."""
    depends_on: tuple[Dependency, ...] = ()
    entities: tuple[Entity, ...] = ()
    events: tuple[Event, ...] = ()
    copies: tuple[ReadCopy, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    jobs: tuple[Job, ...] = ()
    counted: bool = False
    """Whether its port was given to it, counted from `port_base`."""

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Names of the events that it hears because of a reaction, in declared order."""
        return tuple(dict.fromkeys(reaction.event for reaction in self.reactions))


@told(lambda _, __: ("workflows",))
@dataclass(frozen=True)
class Step:
    """A part of a workflow that another service does: it creates a record, and takes it back if a later part fails."""

    workflow: str
    service: str
    creates: str
    mapping: tuple[tuple[str, Source], ...]
    """Field of the created record, and where its value comes from."""

    @property
    def name(self) -> str:
        return snake(self.creates)

    @property
    def module(self) -> str:
        """Of its rules: `checkout_reservation`."""
        return f"{self.workflow}_{self.name}"

    @property
    def commands(self) -> tuple[str, ...]:
        """What it is told, as messages between services are called."""
        return tuple(f"{self.workflow}.{self.name}.{word}" for word in ("do", "undo"))

    @property
    def answers(self) -> tuple[str, ...]:
        """What it answers."""
        return tuple(f"{self.workflow}.{self.name}.{word}" for word in ("done", "refused", "undone"))


@dataclass(frozen=True)
class Outcome:
    """What a field of a workflow's subject becomes at the end."""

    field: str
    value: str | int | float | bool

    def __str__(self) -> str:
        return f"{self.field} = {str(self.value).lower() if isinstance(self.value, bool) else self.value}"


PATIENCE_S = 600
"""How long a step may be without an answer, unless the workflow says otherwise."""


@told(lambda _, __: ("workflows",))
@dataclass(frozen=True)
class Workflow:
    """Steps in several services that are all done or all undone, led by the service that keeps their subject."""

    name: str
    service: str
    entity: str
    """The subject: creating one starts the steps."""
    steps: tuple[Step, ...]
    done: Outcome
    undone: Outcome
    patience_s: int = PATIENCE_S

    @property
    def words(self) -> str:
        return self.name.replace("_", " ")

    @property
    def path(self) -> str:
        """The last part of the address that tells how it goes: `checkout`."""
        return self.name.replace("_", "-")

    @property
    def full_name(self) -> str:
        """What is read at that address: `checkout_of_order`."""
        return f"{self.name}_of_{snake(self.entity)}"


@dataclass(frozen=True)
class Criterion:
    """An acceptance criterion of a feature."""

    id: str
    """`FR-001-AC1`."""
    text: str


@told(lambda _, __: ("mvp_features",))
@dataclass(frozen=True)
class Feature:
    """A functional requirement of the MVP."""

    id: str
    """`FR-001`."""
    name: str
    outcome: str = ""
    persona: str = ""
    priority: str = "P1"
    services: tuple[str, ...] = ()
    criteria: tuple[Criterion, ...] = ()


@dataclass(frozen=True)
class Item:
    """An answer of a list, `name: text`, with whatever else its question collects, by key."""

    name: str
    text: str = ""
    extra: dict[str, object] = dataclass_field(default_factory=dict, hash=False)

    def get(self, key: str) -> object:
        """The value under `key`, or an empty string."""
        return self.extra.get(key, "")


@told(lambda _, part: ("external_api_details" if part == "asks_who_calls" else "external_apis",))
@dataclass(frozen=True)
class ExternalApi:
    """A service of somebody else that the product calls."""

    name: str
    """An identifier; it names the settings: `SMS_URL`, `SMS_KEY`."""
    purpose: str = ""
    used_by: tuple[str, ...] = ()
    critical: bool = False
    timeout_s: float | None = None
    fallback: str = ""
    asks_who_calls: bool = True
    """Whether it knows the project by a key."""

    @property
    def env(self) -> str:
        return self.name.upper()

    @property
    def key(self) -> str:
        """The setting that holds the key by which it knows the project."""
        return f"{self.env}_KEY"


DESCRIBED_BY = {
    "name": "project_name",
    "slug": "project_slug",
    "concept": "concept",
    "services": "services",
    "by_name": "services",
    "events": "services",
    "entities": "data_entities",
    "values": "data_entities",
    "value_objects": "data_entities",
    "features": "mvp_features",
    "external_apis": "external_apis",
    "workflows": "workflows",
}
"""The question whose answer a part of the product is."""


@told(lambda _, part: filter(None, [DESCRIBED_BY.get(part)]))
@dataclass(frozen=True)
class Product:
    """Everything that the answers say about the product."""

    name: str
    slug: str
    """A Python identifier; distribution, database and image names come from it."""
    concept: str
    services: tuple[Service, ...]
    values: tuple[Value, ...] = ()
    features: tuple[Feature, ...] = ()
    external_apis: tuple[ExternalApi, ...] = ()
    workflows: tuple[Workflow, ...] = ()

    @cached_property
    def entities(self) -> dict[str, Entity]:
        return {entity.name: entity for service in self.services for entity in service.entities}

    @cached_property
    def events(self) -> dict[str, Event]:
        return {event.name: event for service in self.services for event in service.events}

    @cached_property
    def by_name(self) -> dict[str, Service]:
        return {service.name: service for service in self.services}

    @cached_property
    def value_objects(self) -> dict[str, Value]:
        return {value.name: value for value in self.values}

    def below(self, prefix: str) -> Product:
        """The same, with the addresses of all entities below a prefix."""
        services = (
            replace(it, entities=tuple(replace(entity, prefix=prefix) for entity in it.entities))
            for it in self.services
        )
        return replace(self, services=tuple(services))

    def led(self, service: str) -> tuple[Workflow, ...]:
        """The workflows that a service leads."""
        return tuple(it for it in self.workflows if it.service == service)

    def steps(self, service: str) -> tuple[Step, ...]:
        """The steps that a service does in workflows of others."""
        return tuple(step for it in self.workflows for step in it.steps if step.service == service)

    def subscribers(self, event: str) -> tuple[Service, ...]:
        """The services that an event is delivered to: those that react to it, and those that keep a copy it feeds."""
        return self._subscribers[event]

    @cached_property
    def _subscribers(self) -> dict[str, tuple[Service, ...]]:
        feeding: dict[str, list[str]] = {}
        for event in self.events.values():
            if event.implied:
                feeding.setdefault(event.entity, []).append(event.name)
        hearing: dict[str, list[Service]] = {name: [] for name in self.events}
        for service in self.services:
            fed = (name for copy in service.copies for name in feeding.get(copy.entity, ()))
            for name in dict.fromkeys((*service.subscriptions, *fed)):
                if name in hearing:
                    hearing[name].append(service)
        return {name: tuple(services) for name, services in hearing.items()}

    def told(self, service: str) -> tuple[str, ...]:
        """The services that one sends events, commands and answers to."""
        heard = (it.name for event in self.by_name[service].events for it in self.subscribers(event.name))
        asked = (step.service for it in self.led(service) for step in it.steps)
        leaders = {it.name: it.service for it in self.workflows}
        answered = (leaders[step.workflow] for step in self.steps(service))
        return tuple(dict.fromkeys((*heard, *asked, *answered)))

    def referred(self, fields: Sequence[Field]) -> Iterator[str]:
        """The entities that fields refer to, directly or inside value objects."""
        for field in fields:
            if field.type.kind == "reference":
                yield field.type.target
            elif field.type.kind == "value":
                yield from self.referred(self.value_objects[field.type.target].fields)

    def checks(self, service: Service) -> tuple[Check, ...]:
        """What a service asks others for; what it has a read copy of it asks nobody for."""
        copied = {copy.entity for copy in service.copies}
        behaviour = {dependency.service: dependency.when_away for dependency in service.depends_on}
        named = [target for entity in service.entities for target in self.referred(entity.fields)]
        return tuple(
            Check(entity.service, entity, behaviour[entity.service])
            for entity in (self.entities[name] for name in dict.fromkeys(named))
            if entity.service in behaviour and entity.name not in copied
        )

    def calls(self, service: Service) -> tuple[Dependency, ...]:
        """The declared dependencies that a service calls: all but those that its read copies explain."""
        checked = {check.owner for check in self.checks(service)}
        copied = {copy.owner for copy in service.copies}
        return tuple(it for it in service.depends_on if it.service in checked or it.service not in copied)

    @cached_property
    def start_order(self) -> tuple[tuple[str, ...], ...]:
        """The services in groups, such that each calls services of the groups before its own alone."""
        called = {service.name: [it.service for it in self.calls(service)] for service in self.services}
        level: dict[str, int] = {}
        for name in TopologicalSorter(called).static_order():
            level[name] = 1 + max((level[it] for it in called[name]), default=-1)
        groups = range(1 + max(level.values(), default=-1))
        return tuple(tuple(it.name for it in self.services if level[it.name] == group) for group in groups)
