"""Services: their boundaries, what they call, and how they are put together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from .. import names
from ..domain import Dependency, Entity, Event, Service, ValueObject, pascal
from ..questionnaire import shape_of
from ..text import quoted
from .entities import add_service
from .events import (
    Subscription,
    copies,
    events,
    feeding,
    reactions,
    refuse_duplicates,
    refuse_unexplained_copies,
    subscriptions,
)
from .list_items import Entry, entries
from .node import Node

DEPENDENCY_KEYS = ("service", "when_unavailable")
PORTS = (1024, 65535)


@dataclass(frozen=True)
class Draft:
    """A service as it was written; names of other things are not looked up yet."""

    node: Node
    name: str
    responsibility: str
    port: int | None
    exposure: str
    owns: Node
    depends_on: Node
    publishes: Node
    subscribes: Node


def drafts(answer: Node, settings: Collection[str]) -> tuple[Draft, ...]:
    """Every service that has its own name; names and ports are checked."""
    found: dict[str, Draft] = {}
    ports: dict[int, str] = {}
    for item, parts in entries(answer, shape_of("services")):
        draft = _draft(item, parts, settings)
        if draft.name in found:
            item.problem(f"{quoted(draft.name)} is the name of two services", "rename or remove one of them")
        elif draft.name:
            found[draft.name] = draft
            if draft.port is not None and ports.setdefault(draft.port, draft.name) != draft.name:
                parts["port"].problem(
                    f"{draft.port} is the port of {quoted(ports[draft.port])}, too",
                    "give each service its own port",
                )
    return tuple(found.values())


def alone(name: str, responsibility: str, nowhere: Node) -> Draft:
    """The one service of a product whose services nobody has named yet."""
    return Draft(nowhere, name, responsibility, None, "public", nowhere, nowhere, nowhere, nowhere)


def owned(found: Sequence[Draft], entities: Sequence[str]) -> Mapping[str, str]:
    """Which service says that it owns an entity."""
    owners: dict[str, str] = {}
    for draft in found:
        for node in draft.owns.each():
            entity = node.text("Order")
            if entity and entity not in entities:
                node.unknown(
                    entity,
                    "is not a declared entity",
                    entities,
                    f"declare it in data_entities: '{draft.name}.{pascal(entity)}(...)'",
                )
            elif entity and owners.setdefault(entity, draft.name) != draft.name:
                node.problem(f"{entity} is owned by {quoted(owners[entity])}, too", "let one service own it")
    return owners


def resolve(found: Sequence[Draft], entities: Sequence[Entity], values: Sequence[ValueObject]) -> tuple[Service, ...]:
    """Put the services together."""
    known = {entity.name: entity for entity in entities}
    published = {draft.name: tuple(events(draft.publishes, draft.name, known)) for draft in found}
    heard: dict[str, tuple[tuple[Node, Subscription], ...]] = {
        draft.name: tuple(subscriptions(draft.subscribes)) for draft in found
    }
    placed = {draft.name: tuple(copies(heard[draft.name], draft.name, known)) for draft in found}
    kept = {name: tuple(copy for _, copy in copied) for name, copied in placed.items()}
    refuse_unexplained_copies(pair for copied in placed.values() for pair in copied)
    reasons = {copy.entity: copy.because for copied in kept.values() for copy in copied}
    implied = [event for it in entities if it.name in reasons for event in feeding(it, reasons[it.name])]
    refuse_duplicates([pair for pairs in published.values() for pair in pairs], implied)
    every = {event.name: event for pairs in published.values() for _, event in pairs} | {e.name: e for e in implied}
    return tuple(
        Service(
            name=draft.name,
            responsibility=draft.responsibility,
            port=draft.port,
            exposure=draft.exposure,
            depends_on=tuple(_dependencies(draft, [other.name for other in found])),
            entities=tuple(entity for entity in entities if entity.service == draft.name),
            events=_unique(event for _, event in published[draft.name])
            + tuple(event for event in implied if event.service == draft.name),
            copies=kept[draft.name],
            reactions=tuple(reactions(heard[draft.name], draft.name, every, known)),
        )
        for draft in found
    )


def _unique(found: Iterable[Event]) -> tuple[Event, ...]:
    return tuple({event.name: event for event in found}.values())


def _draft(item: Node, parts: Entry, settings: Collection[str]) -> Draft:
    name, fault_in = parts["name"].text("catalog"), partial(names.service, settings=settings)
    if name and (fault := fault_in(name)):
        parts["name"].problem(f"{quoted(name)} {fault}", f"choose another name, e.g. {names.another(name, fault_in)}")
    return Draft(
        node=item,
        name=name,
        responsibility=parts["responsibility"].text("keeps the books") if "responsibility" in parts else "",
        port=parts["port"].whole(*PORTS) if "port" in parts else None,
        exposure=parts["exposure"].choice(("public", "internal"), "public") if "exposure" in parts else "public",
        **{key: parts.get(key, item.at(f".{key}", None)) for key in ("owns", "depends_on", "publishes", "subscribes")},
    )


def _dependencies(draft: Draft, services: Sequence[str]) -> Iterator[Dependency]:
    seen: set[str] = set()
    for node in draft.depends_on.each():
        parts = node.keys(DEPENDENCY_KEYS) if node.is_mapping else {"service": node}
        if "service" not in parts:
            node.problem("names no service", "write {service: catalog, when_unavailable: accept}")
            continue
        name = parts["service"].text("catalog")
        if name == draft.name:
            node.problem(f"{quoted(name)} depends on itself", "remove it")
        elif name and name not in services:
            node.unknown(name, "is not a service", services, add_service(name, services))
        elif name in seen:
            node.problem(f"{quoted(name)} is there twice", "remove one of the two")
        elif name:
            seen.add(name)
            behaviour = (
                parts["when_unavailable"].choice(("refuse", "accept"), "refuse")
                if "when_unavailable" in parts
                else "refuse"
            )
            yield Dependency(name, behaviour)
