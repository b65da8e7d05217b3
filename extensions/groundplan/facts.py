"""What the generated tests know of the project, as data: see the generated `tests/fixtures/facts.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from .codegen import ROUTES, EntityCode, EventCode, Route, ServiceCode, example
from .domain import Product

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class ReferenceFact:
    """A reference in the valid draft of an entity."""

    entity: str
    owner: str
    way: str
    when_away: str
    field: str
    path: Path


@dataclass(frozen=True)
class EntityFact:
    name: str
    service: str
    path: str
    table: str
    draft: dict[str, object]
    references: tuple[ReferenceFact, ...]


@dataclass(frozen=True)
class EventFact:
    name: str
    service: str
    entity: str
    operations: tuple[str, ...]
    subscribers: tuple[str, ...]
    reactions: dict[str, str]
    """By subscriber, the entity that it creates."""


@dataclass(frozen=True)
class CopyFact:
    service: str
    entity: str


@dataclass(frozen=True)
class StepFact:
    name: str
    service: str
    creates: str


@dataclass(frozen=True)
class WorkflowFact:
    name: str
    service: str
    entity: str
    path: str
    """The last part of the address that tells how it goes."""
    steps: tuple[StepFact, ...]
    done: dict[str, object]
    undone: dict[str, object]


@dataclass(frozen=True)
class Facts:
    """Services, entities with a valid draft of each, events, read copies, and workflows."""

    services: tuple[str, ...]
    internal: tuple[str, ...]
    routes: tuple[Route, ...]
    entities: tuple[EntityFact, ...]
    events: tuple[EventFact, ...]
    copies: tuple[CopyFact, ...]
    workflows: tuple[WorkflowFact, ...] = ()

    @property
    def plain(self) -> dict[str, object]:
        found = asdict(self)
        return found if self.workflows else {name: it for name, it in found.items() if name != "workflows"}

    @property
    def references(self) -> tuple[ReferenceFact, ...]:
        return tuple(reference for entity in self.entities for reference in entity.references)

    @property
    def calls(self) -> tuple[ReferenceFact, ...]:
        """The references that are checked by a call."""
        return tuple(reference for reference in self.references if reference.when_away)

    @property
    def heard(self) -> tuple[EventFact, ...]:
        """The events that somebody hears."""
        return tuple(event for event in self.events if event.subscribers)

    @property
    def reactions(self) -> tuple[EventFact, ...]:
        """The events that somebody reacts to."""
        return tuple(event for event in self.events if event.reactions)


def facts(product: Product, services: tuple[ServiceCode, ...]) -> Facts:
    """Gather them."""
    return Facts(
        services=tuple(service.name for service in services),
        routes=ROUTES,
        internal=tuple(service.name for service in services if service.internal),
        entities=tuple(_entity(product, service, it) for service in services for it in service.entities),
        events=tuple(_event(services, service, it) for service in services for it in service.published),
        copies=tuple(CopyFact(service.name, it.name) for service in services for it in service.copies),
        workflows=tuple(
            WorkflowFact(
                it.name,
                it.service,
                it.entity,
                it.path,
                tuple(StepFact(step.name, step.service, step.creates) for step in it.steps),
                {it.done.field: it.done.value},
                {it.undone.field: it.undone.value},
            )
            for it in product.workflows
        ),
    )


def _entity(product: Product, service: ServiceCode, entity: EntityCode) -> EntityFact:
    draft = example(product, entity.entity)
    lookups = {lookup.target.name: lookup for lookup in entity.lookups}
    references = (
        ReferenceFact(
            target,
            product.entities[target].service,
            lookups[target].method,
            lookups[target].when_away,
            ".".join(part for part in path if isinstance(part, str)),
            path,
        )
        for target, path in _references(draft)
    )
    return EntityFact(entity.name, service.name, entity.entity.path, entity.table, draft, tuple(references))


def _event(services: tuple[ServiceCode, ...], service: ServiceCode, event: EventCode) -> EventFact:
    reactions = {
        it.name: reaction.entity.name
        for it in services
        for reaction in it.reactions
        if reaction.event.name == event.name
    }
    told = event.event
    return EventFact(event.name, service.name, told.entity, told.operations, event.subscribers, reactions)


def _references(value: object, path: Path = ()) -> Iterator[tuple[str, Path]]:
    """Every `{"ref": entity}` in a draft, with the path that leads to it."""
    if isinstance(value, dict) and set(value) == {"ref"} and isinstance(value["ref"], str):
        yield value["ref"], path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _references(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, (*path, index))
