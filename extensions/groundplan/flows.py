"""What passes between services: the calls and events that a feature takes, and those that no feature explains."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from .codegen import article
from .domain import Entity, Event, Feature, Product
from .text import all_of


@dataclass(frozen=True)
class Asking:
    """A service asks the owner of an entity for it, before it stores one of its own that refers to it."""

    stored: Entity
    asked: Entity
    when_away: str

    @property
    def about(self) -> str:
        """The entity whose change it belongs to."""
        return self.stored.name


@dataclass(frozen=True)
class Hearing:
    """A service hears an event of another."""

    event: Event
    hearer: str

    @property
    def about(self) -> str:
        """The entity whose change it belongs to."""
        return self.event.entity


Step = Asking | Hearing

Change = tuple[str, str]
"""An entity by its name, and what is done to a record of it."""

MANY = 10
"""More flows than this that begin at one service would make the list of what passes between services a long one."""


@dataclass(frozen=True)
class Flow:
    """Steps that belong together, and the features that take them; none of them where no feature explains them."""

    steps: tuple[Step, ...]
    features: tuple[Feature, ...] = ()

    @property
    def askings(self) -> tuple[Asking, ...]:
        return tuple(it for it in self.steps if isinstance(it, Asking))

    @property
    def hearings(self) -> tuple[Hearing, ...]:
        return tuple(it for it in self.steps if isinstance(it, Hearing))

    @property
    def service(self) -> str:
        """Where it begins: what hears of something in it comes later."""
        later = {it.hearer for it in self.hearings}
        senders = [it.stored.service if isinstance(it, Asking) else it.event.service for it in self.steps]
        return next((name for name in senders if name not in later), senders[0])

    @property
    def told(self) -> str:
        """What passes, in words: `orders asks catalog for a book; orders tells post of order.placed`."""
        asked: dict[tuple[str, str], dict[str, None]] = {}
        for asking in self.askings:
            ends = asking.stored.service, asking.asked.service
            asked.setdefault(ends, {})[article(asking.asked.words)] = None
        heard: dict[tuple[str, str], dict[str, None]] = {}
        for hearing in self.hearings:
            heard.setdefault((hearing.event.service, hearing.hearer), {})[hearing.event.name] = None
        alike: dict[tuple[str, str], list[str]] = {}
        for (publisher, hearer), events in heard.items():
            alike.setdefault((publisher, all_of(list(events))), []).append(hearer)
        said = [f"{caller} asks {owner} for {all_of(list(what))}" for (caller, owner), what in asked.items()]
        said += [f"{publisher} tells {all_of(hearers)} of {what}" for (publisher, what), hearers in alike.items()]
        return "; ".join(said)


@dataclass(frozen=True)
class Request:
    """What a caller asks for, where that leads through several services."""

    entity: Entity
    operation: str
    features: tuple[Feature, ...]
    """Those that take something of what it causes."""
    steps: Mapping[str, Sequence[Step]]
    """All that passes between services, by the entity whose change it belongs to."""


def requests(product: Product, found: Iterable[Flow]) -> tuple[Request, ...]:
    """The requests that flows begin with, each once."""
    begins, steps = beginnings(product), _by_entity(passing(product))
    taken: dict[Change, dict[str, Feature]] = {}
    for flow in found:
        for change in begins(flow):
            taken.setdefault(change, {}).update({it.name: it for it in flow.features})
    return tuple(
        Request(product.entities[entity], operation, tuple(features.values()), steps)
        for (entity, operation), features in taken.items()
    )


def beginnings(product: Product) -> Callable[[Flow], tuple[Change, ...]]:
    """What tells what callers change so that the steps of a flow are taken."""
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
        changes = ((it.about, "create" if isinstance(it, Asking) else it.event.operations[0]) for it in flow.steps)
        return tuple(dict.fromkeys(each for it in changes for each in first(it)))

    return begins


def _by_entity(steps: Iterable[Step]) -> Mapping[str, Sequence[Step]]:
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault(step.about, []).append(step)
    return found


def flows(product: Product) -> tuple[Flow, ...]:
    """A flow for each feature that takes several services, those which take the same steps in one; then the rest."""
    every = tuple(passing(product))
    taken: dict[tuple[Step, ...], list[Feature]] = {}
    for feature in product.features:
        if steps := _crossed(product, feature, every):
            taken.setdefault(steps, []).append(feature)
    explained = {_what(step) for steps in taken for step in steps}
    left: dict[str, list[Step]] = {}
    for step in every:
        if _what(step) not in explained:
            explained.add(_what(step))
            left.setdefault(step.about, []).append(step)
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
        groups.setdefault((flow.service, flow.steps[0].about) if flow.service in many else flow, []).append(flow)
    for group in groups.values():
        steps = dict.fromkeys(step for flow in group for step in flow.steps)
        yield Flow(tuple(steps), tuple(feature for flow in group for feature in flow.features))


def _crossed(product: Product, feature: Feature, every: Sequence[Step]) -> tuple[Step, ...]:
    """What passes between the services of a feature about what its words name; about all that they keep, if none."""
    within = [step for step in every if _ends(step) <= set(feature.services)]
    entities, events = {it.name for it in touched(product, feature)}, told(product, feature)
    named = [it for it in within if (it.event.name in events if isinstance(it, Hearing) else it.about in entities)]
    return tuple(named or within)


def passing(product: Product) -> Iterator[Step]:
    """All that passes between services."""
    for service in product.services:
        checks = {check.entity.name: check for check in product.checks(service)}
        for entity in service.entities:
            for target in dict.fromkeys(product.referred(entity.fields)):
                if check := checks.get(target):
                    yield Asking(entity, check.entity, check.when_away)
        for event in service.events:
            for hearer in product.subscribers(event.name):
                if hearer.name != service.name:
                    yield Hearing(event, hearer.name)


def _ends(step: Step) -> set[str]:
    """The two services of a step."""
    if isinstance(step, Asking):
        return {step.stored.service, step.asked.service}
    return {step.event.service, step.hearer}


def _what(step: Step) -> tuple[str, str]:
    """What is drawn once: who asks for what, whatever it then stores, and who hears what."""
    if isinstance(step, Asking):
        return step.stored.service, step.asked.name
    return step.hearer, step.event.name


def touched(product: Product, feature: Feature) -> tuple[Entity, ...]:
    """The entities of a feature's services that its words name; all of them where it names none."""
    kept = [entity for name in feature.services if name in product.by_name for entity in product.by_name[name].entities]
    spoken = _spoken(feature)
    named = [it for it in kept if all(_stem(word) in spoken for word in it.words.split())]
    return tuple(named or kept)


def told(product: Product, feature: Feature) -> tuple[str, ...]:
    """The events on what a feature touches that its services hear; those that its words name, if any."""
    entities = {entity.name for entity in touched(product, feature)}
    heard = [
        event.name
        for event in product.events.values()
        if event.entity in entities and any(it.name in feature.services for it in product.subscribers(event.name))
    ]
    spoken = _spoken(feature)
    named = [name for name in heard if _stem(name.rpartition(".")[2]) in spoken]
    return tuple(named or heard)


def _spoken(feature: Feature) -> frozenset[str]:
    """The words of a feature, so far cut that `orders` and `order` are one."""
    texts = (feature.name, feature.outcome, *(it.text for it in feature.criteria))
    return frozenset(map(_stem, re.findall(r"[^\W_]+", " ".join(texts).casefold())))


def _stem(word: str) -> str:
    return word.removesuffix("s").removesuffix("ie").removesuffix("y").removesuffix("e")
