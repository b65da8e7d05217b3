"""The interactions between services: calls and events, grouped by the features that need them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from .domain import Entity, Event, Feature, Product
from .text import all_of, article


@dataclass(frozen=True)
class Lookup:
    """A service looks an entity up at its owner, before it stores a record that refers to it."""

    stored: Entity
    asked: Entity
    when_unavailable: str

    @property
    def changed_entity(self) -> str:
        """The entity whose change causes it."""
        return self.stored.name


@dataclass(frozen=True)
class Delivery:
    """A service receives an event of another."""

    event: Event
    subscriber: str

    @property
    def changed_entity(self) -> str:
        """The entity whose change causes it."""
        return self.event.entity


Interaction = Lookup | Delivery

Change = tuple[str, str]
"""An entity by its name, and what is done to a record of it."""

MANY = 10
"""The most flows of one service that are listed individually."""


@dataclass(frozen=True)
class Flow:
    """Interactions that belong together, and the features that need them, if any."""

    steps: tuple[Interaction, ...]
    features: tuple[Feature, ...] = ()

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        return tuple(it for it in self.steps if isinstance(it, Lookup))

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        return tuple(it for it in self.steps if isinstance(it, Delivery))

    @property
    def service(self) -> str:
        """The service where it begins: one that receives nothing in it."""
        later = {it.subscriber for it in self.deliveries}
        senders = [it.stored.service if isinstance(it, Lookup) else it.event.service for it in self.steps]
        return next((name for name in senders if name not in later), senders[0])

    @property
    def summary(self) -> str:
        """The interactions as a phrase: `orders asks catalog for a book; orders sends order.placed to post`."""
        asked: dict[tuple[str, str], dict[str, None]] = {}
        for lookup in self.lookups:
            ends = lookup.stored.service, lookup.asked.service
            asked.setdefault(ends, {})[article(lookup.asked.words)] = None
        heard: dict[tuple[str, str], dict[str, None]] = {}
        for delivery in self.deliveries:
            heard.setdefault((delivery.event.service, delivery.subscriber), {})[delivery.event.name] = None
        alike: dict[tuple[str, str], list[str]] = {}
        for (publisher, subscriber), events in heard.items():
            alike.setdefault((publisher, all_of(list(events))), []).append(subscriber)
        phrases = [f"{caller} asks {owner} for {all_of(list(what))}" for (caller, owner), what in asked.items()]
        phrases += [
            f"{publisher} sends {what} to {all_of(subscribers)}" for (publisher, what), subscribers in alike.items()
        ]
        return "; ".join(phrases)


@dataclass(frozen=True)
class Request:
    """A request that involves several services."""

    entity: Entity
    operation: str
    features: tuple[Feature, ...]
    """The features that need something that it causes."""
    steps: Mapping[str, Sequence[Interaction]]
    """All that passes between services, by the entity whose change it belongs to."""


def requests(product: Product, found: Iterable[Flow]) -> tuple[Request, ...]:
    """The requests with which flows begin, each once."""
    begins, steps = initial_changes(product), _by_entity(interactions(product))
    taken: dict[Change, dict[str, Feature]] = {}
    for flow in found:
        for change in begins(flow):
            taken.setdefault(change, {}).update({it.name: it for it in flow.features})
    return tuple(
        Request(product.entities[entity], operation, tuple(features.values()), steps)
        for (entity, operation), features in taken.items()
    )


def initial_changes(product: Product) -> Callable[[Flow], tuple[Change, ...]]:
    """A function that finds the changes by callers that cause the interactions of a flow."""
    causes: dict[str, list[Event]] = {}
    for service in product.services:
        for it in service.reactions:
            if (event := product.events[it.event]).service != service.name:
                causes.setdefault(it.creates, []).append(event)

    @cache
    def first(change: Change) -> tuple[Change, ...]:
        """The changes that lead to a change by events, which never do so in a circle; itself where none does."""
        entity, operation = change
        before = causes.get(entity, ()) if operation == "create" else ()
        found = (each for it in before for each in first((it.entity, it.operations[0])))
        return tuple(dict.fromkeys(found)) or (change,)

    def begins(flow: Flow) -> tuple[Change, ...]:
        changes = (
            (it.changed_entity, "create" if isinstance(it, Lookup) else it.event.operations[0]) for it in flow.steps
        )
        return tuple(dict.fromkeys(each for it in changes for each in first(it)))

    return begins


def _by_entity(steps: Iterable[Interaction]) -> Mapping[str, Sequence[Interaction]]:
    found: dict[str, list[Interaction]] = {}
    for step in steps:
        found.setdefault(step.changed_entity, []).append(step)
    return found


def flows(product: Product) -> tuple[Flow, ...]:
    """A flow for each feature that takes several services, those which take the same steps in one; then the rest."""
    every = tuple(interactions(product))
    taken: dict[tuple[Interaction, ...], list[Feature]] = {}
    for feature in product.features:
        if steps := _interactions_of(product, feature, every):
            taken.setdefault(steps, []).append(feature)
    explained = {_identity(step) for steps in taken for step in steps}
    left: dict[str, list[Interaction]] = {}
    for step in every:
        if _identity(step) not in explained:
            explained.add(_identity(step))
            left.setdefault(step.changed_entity, []).append(step)
    found = (
        *(Flow(steps, tuple(features)) for steps, features in taken.items()),
        *(Flow(tuple(steps)) for steps in left.values()),
    )
    return tuple(_few(found))


def _few(found: Sequence[Flow]) -> Iterator[Flow]:
    """The flows; of a service where many begin, those about one entity are one."""
    many = {service for service, count in Counter(it.service for it in found).items() if count > MANY}
    groups: dict[object, list[Flow]] = {}
    for flow in found:
        groups.setdefault((flow.service, flow.steps[0].changed_entity) if flow.service in many else flow, []).append(
            flow
        )
    for group in groups.values():
        steps = dict.fromkeys(step for flow in group for step in flow.steps)
        yield Flow(tuple(steps), tuple(feature for flow in group for feature in flow.features))


def _interactions_of(product: Product, feature: Feature, every: Sequence[Interaction]) -> tuple[Interaction, ...]:
    """What passes between the services of a feature about what its words name; about all that they keep, if none."""
    within = [step for step in every if _services(step) <= set(feature.services)]
    entities, events = {it.name for it in entities_of(product, feature)}, events_of(product, feature)
    named = [
        it for it in within if (it.event.name in events if isinstance(it, Delivery) else it.changed_entity in entities)
    ]
    return tuple(named or within)


def interactions(product: Product) -> Iterator[Interaction]:
    """All interactions between services."""
    for service in product.services:
        checks = {check.entity.name: check for check in product.checks(service)}
        for entity in service.entities:
            for target in dict.fromkeys(product.referenced_entities(entity.fields)):
                if check := checks.get(target):
                    yield Lookup(entity, check.entity, check.when_unavailable)
        for event in service.events:
            for subscriber in product.subscribers(event.name):
                if subscriber.name != service.name:
                    yield Delivery(event, subscriber.name)


def _services(step: Interaction) -> set[str]:
    """The two services of a step."""
    if isinstance(step, Lookup):
        return {step.stored.service, step.asked.service}
    return {step.event.service, step.subscriber}


def _identity(step: Interaction) -> tuple[str, str]:
    """The identity of an interaction: who looks up what, or who receives what."""
    if isinstance(step, Lookup):
        return step.stored.service, step.asked.name
    return step.subscriber, step.event.name


def entities_of(product: Product, feature: Feature) -> tuple[Entity, ...]:
    """The entities of a feature's services that its text names; all of them if it names none."""
    kept = [entity for name in feature.services if name in product.by_name for entity in product.by_name[name].entities]
    spoken = _spoken(feature)
    named = [it for it in kept if all(_stem(word) in spoken for word in it.words.split())]
    return tuple(named or kept)


def events_of(product: Product, feature: Feature) -> tuple[str, ...]:
    """The events about a feature's entities that its services receive; only those that its text names, if any."""
    entities = {entity.name for entity in entities_of(product, feature)}
    heard = [
        event.name
        for event in product.events.values()
        if event.entity in entities and any(it.name in feature.services for it in product.subscribers(event.name))
    ]
    spoken = _spoken(feature)
    named = [name for name in heard if _stem(name.rpartition(".")[2]) in spoken]
    return tuple(named or heard)


def _spoken(feature: Feature) -> frozenset[str]:
    """The stems of the words of a feature, so that `orders` and `order` are one."""
    texts = (feature.name, feature.outcome, *(it.text for it in feature.criteria))
    return frozenset(map(_stem, re.findall(r"[^\W_]+", " ".join(texts).casefold())))


def _stem(word: str) -> str:
    return word.removesuffix("s").removesuffix("ie").removesuffix("y").removesuffix("e")
