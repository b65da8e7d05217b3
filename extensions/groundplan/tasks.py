"""The tasks of the implementation: derived from what was asked, each with its estimate and what it needs.

Durations are whole hours, so that sums are exact; a person-day has as many as the team answered.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from .domain import Entity, Feature, Product, Service

PHASES = ("Foundation", "Core services", "Integration", "Polish and release")
"""The guide's four phases."""


@dataclass(frozen=True)
class Rate:
    """What a kind of task is estimated at."""

    hours: int
    basis: str


RATES = {
    "agree": Rate(4, "run the project, go through decisions and gaps"),
    "resolve": Rate(2, "per gap that must be resolved before coding"),
    "spike": Rate(6, "per external API: one real call, its limits and errors noted"),
    "rules": Rate(3, "per entity, and again per six further fields"),
    "feature": Rate(2, "per feature"),
    "criterion": Rate(4, "per acceptance criterion, test included"),
    "crossing": Rate(3, "per further service that a feature spans, and per declared dependency"),
    "reaction": Rate(3, "per reaction to an event"),
    "client": Rate(6, "per external API: client, settings, failure behaviour"),
    "measure": Rate(4, "per performance target: load script and a measured result"),
    "restore": Rate(4, "one restore from a backup, timed"),
    "privacy": Rate(6, "review of the sensitive data"),
    "deploy": Rate(6, "first deployment to the answered target"),
    "accept": Rate(4, "acceptance with whoever decides"),
}


@dataclass(frozen=True)
class Task:
    """A piece of work for one person."""

    id: str
    """Made from the id of what causes it, so that it stays when others come and go: `T-FR-001`, `T-rules-order`."""
    title: str
    phase: int
    hours: int
    service: str = ""
    requirement: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Named:
    """Something with an id that causes a task: a gap to resolve, a target to measure."""

    id: str
    title: str


@dataclass(frozen=True)
class Scope:
    """What the plan is made from, beside the product."""

    product: Product
    blockers: tuple[Named, ...] = ()
    targets: tuple[Named, ...] = ()
    sensitive: bool = False
    backup: bool = False
    place: str = ""


def derive(scope: Scope) -> tuple[Task, ...]:
    """The tasks that the answers cause, each phase closed by a gate that the next one needs."""
    product = scope.product
    blockers = [
        Task(
            f"T-{blocker.id}",
            f"Resolve: {blocker.title}",
            1,
            RATES["resolve"].hours,
            needs=("T-agree",),
        )
        for blocker in scope.blockers
    ]
    phases = (
        [_agree(), *blockers, *_spikes(product)],
        [*_rules(product), *_features(product, crossing=False)],
        [*_boundaries(product), *_clients(product), *_features(product, crossing=True)],
        list(_release(scope)),
    )
    return tuple(_gated(phases))


def _agree() -> Task:
    return Task("T-agree", "Run the project; go through decisions and gaps", 1, RATES["agree"].hours)


def _spikes(product: Product) -> Iterator[Task]:
    for api in product.external_apis:
        yield Task(f"T-spike-{api.name}", f"Try {api.name} for real", 1, RATES["spike"].hours)


def _rules(product: Product) -> Iterator[Task]:
    for service in product.services:
        for entity in service.entities:
            yield Task(
                f"T-rules-{entity.snake}",
                f"Business rules of {entity.name}",
                2,
                RATES["rules"].hours * max(1, math.ceil(len(entity.fields) / 6)),
                service=service.name,
                needs=_rules_first(product, service),
            )


def _rules_first(product: Product, service: Service) -> tuple[str, ...]:
    """The rules of what a service calls: declared dependencies have no cycle, references may have one."""
    return tuple(
        f"T-rules-{entity.snake}"
        for dependency in service.depends_on
        for entity in product.by_name[dependency.service].entities
    )


def _features(product: Product, *, crossing: bool) -> Iterator[Task]:
    for feature in product.features:
        if (len(feature.services) > 1) is crossing:
            yield Task(
                f"T-{feature.id}",
                feature.name,
                3 if crossing else 2,
                feature_hours(feature),
                service=", ".join(feature.services),
                requirement=feature.id,
                needs=tuple(f"T-rules-{entity.snake}" for entity in _entities(product, feature.services)),
            )


def feature_hours(feature: Feature) -> int:
    crossings = max(0, len(feature.services) - 1)
    return (
        RATES["feature"].hours
        + RATES["criterion"].hours * max(1, len(feature.criteria))
        + RATES["crossing"].hours * crossings
    )


def _entities(product: Product, services: Iterable[str]) -> Iterator[Entity]:
    for name in services:
        if name in product.by_name:
            yield from product.by_name[name].entities


def _boundaries(product: Product) -> Iterator[Task]:
    for service in product.services:
        for dependency in service.depends_on:
            yield Task(
                f"T-{service.name}-without-{dependency.service}",
                f"{service.name} with {dependency.service} away: {dependency.when_away}",
                3,
                RATES["crossing"].hours,
                service=service.name,
            )
        for reaction in service.reactions:
            yield Task(
                f"T-{service.name}-{reaction.snake.replace('_', '-')}",
                f"{service.name} on {reaction.event}: {reaction.creates}",
                3,
                RATES["reaction"].hours,
                service=service.name,
            )


def _clients(product: Product) -> Iterator[Task]:
    for api in product.external_apis:
        yield Task(
            f"T-client-{api.name}",
            f"Client for {api.name}",
            3,
            RATES["client"].hours,
            service=", ".join(api.used_by),
            needs=(f"T-spike-{api.name}",),
        )


def _release(scope: Scope) -> Iterator[Task]:
    work = [
        Task(
            f"T-{target.id}",
            f"Measure {target.title}",
            4,
            RATES["measure"].hours,
            requirement=target.id,
        )
        for target in scope.targets
    ]
    if scope.backup:
        work.append(Task("T-restore", "Restore from a backup, timed", 4, RATES["restore"].hours))
    if scope.sensitive:
        work.append(Task("T-privacy", "Review of the sensitive data", 4, RATES["privacy"].hours))
    place = f"Deploy: {scope.place}" if scope.place else "First deployment"
    work.append(Task("T-deploy", place, 4, RATES["deploy"].hours))
    yield from work
    before = tuple(task.id for task in work)
    yield Task("T-accept", "Acceptance", 4, RATES["accept"].hours, needs=before)


def _gated(phases: Sequence[Sequence[Task]]) -> Iterator[Task]:
    """Close each phase with a task of no length, so that needs stay few however many tasks there are."""
    gate: tuple[str, ...] = ()
    for number, tasks in enumerate(phases, 1):
        for task in tasks:
            yield replace(task, needs=gate + task.needs)
        if number < len(phases):
            ids = tuple(task.id for task in tasks)
            yield Task(
                f"G-{number}",
                f"Go or no-go after {PHASES[number - 1]}",
                number,
                0,
                needs=ids or gate,
            )
            gate = (f"G-{number}",)
