"""What the generated tests know of the project, as data: see the generated `tests/fixtures/facts.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from .codegen import limited_values
from .codegen.entities import EntityCode
from .codegen.events import EventCode
from .codegen.example_drafts import example_draft, filled
from .codegen.services import ServiceCode
from .domain import OWNER, TENANT_FIELD, Product
from .field_types import FIELD_TYPES
from .migrations import stored_as
from .operations import ASKED_BY, CREATE, SERVICES, Operation
from .text import json_lines, py

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class ReferenceFixture:
    """A reference in the valid draft of an entity."""

    entity: str
    owner: str
    way: str
    when_unavailable: str
    field: str
    path: Path

    @property
    def place(self) -> str:
        """Where the draft has it, as Python indexes it: `["lines"][0]["book"]`."""
        return "".join(f"[{py(it)}]" for it in self.path)


@dataclass(frozen=True)
class EntityFixture:
    name: str
    service: str
    path: str
    table: str
    adapted_by: str
    """The function in `tests/drafts.py` that adapts its drafts."""
    draft: dict[str, object]
    references: tuple[ReferenceFixture, ...]
    unique: tuple[tuple[str, ...], ...]
    outside: dict[str, list[object]]
    """By field, values that break its limits."""
    narrow: tuple[str, ...]
    """The fields that can be stored with what their type does not accept: choices, and what is JSON."""
    secrets: tuple[str, ...]
    sensitive: tuple[str, ...]
    """The fields with sensitive data that some callers see."""
    immutable: tuple[str, ...]
    owner: str
    """The field that names the caller whose record it is."""


@dataclass(frozen=True)
class DraftExample:
    """A field that a function in `tests/drafts.py` might set."""

    entity: EntityFixture
    field: str

    @property
    def is_text(self) -> bool:
        return self.entity.draft[self.field] == FIELD_TYPES["str"].example

    @property
    def value(self) -> str:
        """What it might be set to, as an expression."""
        return f'draft["{self.field}"].title()' if self.is_text else py(filled(self.entity.draft[self.field], 7))


@dataclass(frozen=True)
class OperationFact:
    """What a test needs to know of an operation to ask for it and to know its answers."""

    id: str
    kind: str
    entity: str
    method: str
    path: str
    parameters: tuple[str, ...]
    """Their names, as they are sent."""
    body: str | None
    success: int
    problems: tuple[int, ...]
    access: str
    """For whom its address is: `callers`, `anyone` or `services`."""
    allowed: tuple[str, ...]
    """Who of them may do it: roles, the `owner` of the record, `callers` or `anyone`."""


@dataclass(frozen=True)
class EventFixture:
    name: str
    service: str
    entity: str
    operations: tuple[str, ...]
    requests: tuple[str, ...]
    """The operations of the API that cause it."""
    subscribers: tuple[str, ...]
    reactions: dict[str, str]
    """By subscriber, the entity that it creates."""
    sensitive: tuple[str, ...]
    """The sensitive fields that it carries, because an answer says why."""


@dataclass(frozen=True)
class CopyFixture:
    service: str
    entity: str


@dataclass(frozen=True)
class StepFixture:
    name: str
    service: str
    creates: str


@dataclass(frozen=True)
class WorkflowFixture:
    name: str
    service: str
    entity: str
    path: str
    """The last part of the path of its status."""
    steps: tuple[StepFixture, ...]
    done: dict[str, object]
    undone: dict[str, object]


CALLER = "caller"
"""The function in `tests/drafts.py` that says who calls."""


@dataclass(frozen=True)
class FixtureData:
    """Services, external APIs, entities with a valid draft of each, events, read copies, and workflows."""

    services: tuple[str, ...]
    databases: tuple[str, ...]
    """The services that have one."""
    internal: tuple[str, ...]
    apis: dict[str, tuple[str, ...]]
    """By external API, the services that call it."""
    entities: tuple[EntityFixture, ...]
    operations: tuple[OperationFact, ...]
    events: tuple[EventFixture, ...]
    copies: tuple[CopyFixture, ...]
    workflows: tuple[WorkflowFixture, ...] = ()

    @property
    def as_dict(self) -> dict[str, object]:
        found = asdict(self)
        for facts in ("entities", "events"):
            found[facts] = [_without_empty(it) for it in found[facts]]
        return found if self.workflows else {name: it for name, it in found.items() if name != "workflows"}

    @property
    def uses_letters(self) -> bool:
        """Whether what differs from draft to draft is written in letters somewhere."""
        return any("{letters" in text or "{capitals" in text for text in [self.json])

    @property
    def json(self) -> str:
        return json_lines(self.as_dict)

    @property
    def example(self) -> DraftExample | None:
        """An entity whose drafts `tests/drafts.py` can adapt in an example, one with a text if there is one."""
        every = [DraftExample(it, field) for it in self.entities for field in it.draft]
        return next((it for it in every if it.is_text), every[0] if every else None)

    @property
    def has_narrow_fields(self) -> bool:
        """Whether a field can be stored with what its type does not accept."""
        return any(it.narrow for it in self.entities)

    @property
    def has_policies(self) -> bool:
        """Whether callers from outside can ask for anything."""
        return any(it.access != SERVICES for it in self.operations)

    @property
    def has_owners(self) -> bool:
        """Whether callers may do with their own records what they may not do with others."""
        return any(OWNER in it.allowed for it in self.operations)

    @property
    def sensitive_fields(self) -> tuple[tuple[EntityFixture, str], ...]:
        """The fields with sensitive data in drafts, each with its entity."""
        return tuple((it, name) for it in self.entities for name in it.sensitive if name in it.draft)

    @property
    def sensitive_fields_sent(self) -> bool:
        """Whether callers send some of them when they create a record."""
        created = {it.entity for it in self.operations if it.kind == CREATE.name}
        return any(it.name in created for it, _ in self.sensitive_fields)

    @property
    def referring(self) -> EntityFixture | None:
        """An entity whose drafts refer to another record."""
        return next((it for it in self.entities if it.references), None)

    @property
    def references(self) -> tuple[ReferenceFixture, ...]:
        return tuple(reference for entity in self.entities for reference in entity.references)

    @property
    def remote_references(self) -> tuple[ReferenceFixture, ...]:
        """The references that are looked up at another service."""
        return tuple(reference for reference in self.references if reference.when_unavailable)

    @property
    def consumed_events(self) -> tuple[EventFixture, ...]:
        """The events with subscribers."""
        return tuple(event for event in self.events if event.subscribers)

    @property
    def events_with_reactions(self) -> tuple[EventFixture, ...]:
        """The events that cause reactions."""
        return tuple(event for event in self.events if event.reactions)


def fixture_data(product: Product, services: tuple[ServiceCode, ...]) -> FixtureData:
    """The fixture data of a product."""
    return FixtureData(
        services=tuple(service.name for service in services),
        databases=tuple(service.name for service in services if service.database),
        internal=tuple(service.name for service in services if service.internal),
        apis={api.name: tuple(api.used_by) for api in product.external_apis},
        entities=tuple(_entity(product, service, it) for service in services for it in service.entities),
        operations=tuple(_operation(it) for service in services for it in service.operations),
        events=tuple(_event(product, services, service, it) for service in services for it in service.published),
        copies=tuple(CopyFixture(service.name, it.name) for service in services for it in service.copies),
        workflows=tuple(
            WorkflowFixture(
                it.name,
                it.service,
                it.entity,
                it.path,
                tuple(StepFixture(step.name, step.service, step.creates) for step in it.steps),
                {it.done.field: it.done.value},
                {it.undone.field: it.undone.value},
            )
            for it in product.workflows
        ),
    )


RARE = ("outside", "narrow", "secrets", "sensitive", "immutable", "owner")
"""What few entities and events have."""


def _without_empty(fixture: dict[str, object]) -> dict[str, object]:
    """The fixture of an entity or an event, without what it has none of and few have."""
    return {name: it for name, it in fixture.items() if it or name not in RARE}


def _entity(product: Product, service: ServiceCode, entity: EntityCode) -> EntityFixture:
    draft = example_draft(product, entity.entity)
    lookups = {lookup.target.name: lookup for lookup in entity.lookups}
    references = (
        ReferenceFixture(
            target,
            product.entities[target].service,
            lookups[target].method,
            lookups[target].when_unavailable,
            ".".join(part for part in path if isinstance(part, str)),
            path,
        )
        for target, path in _references(draft)
    )
    declared = entity.entity
    return EntityFixture(
        entity.name,
        service.name,
        declared.path,
        entity.table,
        _adapter(product, entity),
        draft,
        tuple(references),
        tuple(names for names in _told(declared.uniques) if set(names) <= draft.keys()),
        {it.name: values for it in declared.sent if (values := list(limited_values.outside(it.type)))},
        tuple(it.name for it in declared.sent if stored_as(it) in ("choice", "json")),
        tuple(it.name for it in declared.fields if it.secret),
        tuple(it.name for it in declared.shown if it.kinds),
        declared.immutable,
        product.access_to[entity.name].owner,
    )


def _told(uniques: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """What no two records of one organisation have in common, as callers are told of it."""
    return (tuple(it for it in names if it != TENANT_FIELD.name) for names in uniques)


def _adapter(product: Product, entity: EntityCode) -> str:
    """The name of the function that adapts drafts of an entity: the entity's, unless it means something else there."""
    taken = {CALLER, *(api.name for api in product.external_apis)}
    return f"{entity.snake}_draft" if entity.snake in taken else entity.snake


def _operation(it: Operation) -> OperationFact:
    return OperationFact(
        it.id,
        it.kind,
        it.entity,
        it.method,
        it.path,
        tuple(parameter.name for parameter in it.parameters),
        it.body,
        it.success,
        it.problems,
        it.access,
        it.allowed,
    )


def _event(product: Product, services: tuple[ServiceCode, ...], service: ServiceCode, event: EventCode) -> EventFixture:
    reactions = {
        it.name: reaction.entity.name
        for it in services
        for reaction in it.reactions
        if reaction.event.name == event.name
    }
    declared = event.event
    offered = product.entities[declared.entity].operations
    requests = tuple(it.name for change in declared.operations for it in ASKED_BY[change] if it.name in offered)
    sensitive = tuple(it.name for it in declared.fields if it.kinds)
    return EventFixture(
        event.name,
        service.name,
        declared.entity,
        declared.operations,
        requests,
        event.subscribers,
        reactions,
        sensitive,
    )


def _references(value: object, path: Path = ()) -> Iterator[tuple[str, Path]]:
    """Every `{"$ref": entity}` and `{"$new": entity}` in a draft, with the path that leads to it."""
    if isinstance(value, dict) and isinstance(target := value.get("$ref", value.get("$new")), str):
        yield target, path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _references(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, (*path, index))
