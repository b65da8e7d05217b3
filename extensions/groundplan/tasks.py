"""The tasks of the implementation: derived from what was asked, each with its estimate and what it needs.

Durations are whole hours, so that sums are exact; a person-day has as many as the team answered.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

from .domain import Dependency, Entity, Feature, Job, Product, Reaction, Service, Step, Workflow, snake

PHASES = ("Foundation", "Core services", "Integration", "Polish and release")
"""The guide's four phases."""

PEOPLE, AGENT, ORDER = "human_days", "agent_hours_with_review", "order_only"
"""On what basis durations are estimated: people work; an agent works and people review; nobody estimates."""


@dataclass(frozen=True)
class Rate:
    """What a kind of work is estimated at, in hours."""

    person: int
    """A person does it alone."""
    agent: int
    """An agent does it …"""
    review: int
    """… and a person then reviews it, or does what no agent can."""
    basis: str


RATES = {
    "agree": Rate(4, 0, 4, "run the project, go through decisions and gaps"),
    "resolve": Rate(2, 0, 2, "per gap that must be resolved before coding"),
    "spike": Rate(6, 2, 2, "per external API: one real call, its limits and errors noted"),
    "risk": Rate(4, 2, 2, "per technical risk of high impact: its mitigation, tried once"),
    "rules": Rate(3, 1, 1, "per entity, and again per six further fields"),
    "feature": Rate(2, 1, 1, "per feature"),
    "criterion": Rate(4, 1, 1, "per acceptance criterion, test included"),
    "crossing": Rate(
        3, 1, 1, "per further service that a feature spans or a workflow has a step in, and per declared dependency"
    ),
    "reaction": Rate(3, 1, 1, "per reaction to an event, and per step of a workflow"),
    "job": Rate(4, 2, 1, "per job that outlasts its request or is due at times"),
    "client": Rate(6, 2, 2, "per external API: client, settings, failure behaviour"),
    "measure": Rate(4, 2, 1, "per performance target: load script and a measured result"),
    "restore": Rate(4, 1, 2, "one restore from a backup, timed"),
    "privacy": Rate(6, 0, 6, "review of the sensitive data"),
    "deploy": Rate(6, 2, 4, "first deployment to the answered target"),
    "accept": Rate(4, 0, 4, "acceptance by the people who decide"),
}


@dataclass(frozen=True)
class Task:
    """A piece of work for one person, or for an agent and then one person."""

    id: str
    """Derived from its cause, so that it is stable when other tasks come and go: `T-FR-001`, `T-rules-order`."""
    title: str
    phase: int
    hours: int = 0
    """What a person works on it; a gate takes nobody's time."""
    service: str = ""
    requirement: str = ""
    needs: tuple[str, ...] = ()
    agent: int = 0
    """What an agent works on it before."""
    work: tuple[tuple[str, int], ...] = ()
    """What it consists of: kinds of `RATES`, and how often each; empty where somebody estimated it."""

    @property
    def length(self) -> int:
        """How long it takes when nobody keeps it waiting."""
        return self.agent + self.hours

    @property
    def is_gate(self) -> bool:
        return self.id.startswith("G-")

    def on(self, basis: str) -> Task:
        """The task with its estimate; where nobody estimates, each is one step."""
        if basis == ORDER:
            return replace(self, hours=1)
        rates = [(RATES[kind], count) for kind, count in self.work]
        if basis == AGENT:
            agent = sum(rate.agent * count for rate, count in rates)
            return replace(self, agent=agent, hours=sum(rate.review * count for rate, count in rates))
        return replace(self, hours=sum(rate.person * count for rate, count in rates))


@dataclass(frozen=True)
class Named:
    """Something with an id that causes a task: a gap to resolve, a risk to try out, a target to measure."""

    id: str
    title: str
    feature: str = ""
    """The id of the feature with which it goes, if it is about one."""


@dataclass(frozen=True)
class Scope:
    """The input of the plan."""

    product: Product
    blockers: tuple[Named, ...] = ()
    risks: tuple[Named, ...] = ()
    """The technical ones of high impact."""
    targets: tuple[Named, ...] = ()
    sensitive: bool = False
    backup: bool = False
    place: str = ""
    basis: str = PEOPLE


def derive(scope: Scope) -> tuple[Task, ...]:
    """The tasks that the answers cause, still without the gates between the phases."""
    product = scope.product
    found = (
        *_foundation(scope),
        *_rules(product),
        *_features(product, crossing=False),
        *_boundaries(product),
        *_workflows(product),
        *_clients(product),
        *_features(product, crossing=True),
        *_release(scope),
    )
    return tuple(task.on(scope.basis) for task in found)


def _foundation(scope: Scope) -> Iterator[Task]:
    """What may change the plan comes first: what is open, foreign or risky."""
    yield Task("T-agree", "Run the project; go through decisions and gaps", 1, work=_once("agree"))
    for it in scope.blockers:
        yield Task(
            f"T-{it.id}",
            f"Resolve: {it.title}",
            1,
            requirement=it.feature,
            needs=("T-agree",),
            work=_once("resolve"),
        )
    for api in scope.product.external_apis:
        yield Task(f"T-spike-{api.name}", f"Try {api.name} for real", 1, work=_once("spike"))
    for it in scope.risks:
        yield Task(f"T-{it.id}", f"Try the mitigation of: {it.title}", 1, requirement=it.id, work=_once("risk"))


def _once(kind: str) -> tuple[tuple[str, int], ...]:
    return ((kind, 1),)


def _rules(product: Product) -> Iterator[Task]:
    for service in product.services:
        for entity in service.entities:
            yield Task(
                f"T-rules-{entity.snake}",
                f"Business rules of {entity.name}",
                2,
                service=service.name,
                needs=_rules_first(product, service),
                work=(("rules", max(1, math.ceil(len(entity.fields) / 6))),),
            )


def _rules_first(product: Product, service: Service) -> tuple[str, ...]:
    """The rules of what a service calls: declared dependencies have no cycle, references may have one."""
    return tuple(
        f"T-rules-{entity.snake}"
        for dependency in product.calls(service)
        for entity in product.by_name[dependency.service].entities
    )


def _features(product: Product, *, crossing: bool) -> Iterator[Task]:
    """Those of one service alone, or those that also need what crosses its border or goes on by itself."""
    for feature in product.features:
        clients = tuple(
            f"T-client-{api.name}" for api in product.external_apis if set(api.used_by) & set(feature.services)
        )
        carriers = (*_carried_by_services(product, feature), *_carried_by_workflows(product, feature))
        if (len(feature.services) > 1 or bool(clients or carriers)) is crossing:
            yield Task(
                f"T-{feature.id}",
                feature.name,
                3 if crossing else 2,
                service=", ".join(feature.services),
                requirement=feature.id,
                needs=(
                    *(f"T-rules-{entity.snake}" for entity in _entities(product, feature.services)),
                    *clients,
                    *carriers,
                ),
                work=tuple(_parts(feature)),
            )


def _carried_by_services(product: Product, feature: Feature) -> Iterator[str]:
    """What passes between the services of a feature, and their jobs: it is there before the feature is finished."""
    for service in filter(None, map(product.by_name.get, feature.services)):
        for dependency in product.calls(service):
            if dependency.service in feature.services:
                yield _without(service, dependency)
        alone = feature.services == (service.name,) and _only_reacts(service)
        for reaction in service.reactions:
            if alone or product.events[reaction.event].service in feature.services:
                yield _reaction(service, reaction)
        yield from map(_job, service.jobs)


def _only_reacts(service: Service) -> bool:
    """Whether all that a service keeps comes from events, so that its features begin with what others tell."""
    return {entity.name for entity in service.entities} <= {reaction.creates for reaction in service.reactions}


def _carried_by_workflows(product: Product, feature: Feature) -> Iterator[str]:
    """The steps whose service and leader a feature spans, and the workflows of which it spans all services."""
    spanned = set(feature.services)
    for workflow in product.workflows:
        if workflow.service in spanned:
            yield from (_step(step) for step in workflow.steps if step.service in spanned)
            if spanned.issuperset(step.service for step in workflow.steps):
                yield _workflow(workflow)


def _parts(feature: Feature) -> Iterator[tuple[str, int]]:
    yield "feature", 1
    yield "criterion", max(1, len(feature.criteria))
    if len(feature.services) > 1:
        yield "crossing", len(feature.services) - 1


def _entities(product: Product, services: Iterable[str]) -> Iterator[Entity]:
    for name in services:
        if name in product.by_name:
            yield from product.by_name[name].entities


def _boundaries(product: Product) -> Iterator[Task]:
    for service in product.services:
        for dependency in product.calls(service):
            yield Task(
                _without(service, dependency),
                f"{service.name} {dependency.failure_behaviour}",
                3,
                service=service.name,
                work=_once("crossing"),
            )
        for reaction in service.reactions:
            yield Task(
                _reaction(service, reaction),
                f"{service.name} on {reaction.event}: {reaction.creates}",
                3,
                service=service.name,
                work=_once("reaction"),
            )
        for job in service.jobs:
            yield Task(
                _job(job),
                f"Job {job.name} of {service.name}, {job.begins}",
                3,
                service=service.name,
                needs=tuple(_brings_about(product, service, job)),
                work=_once("job"),
            )


def _brings_about(product: Product, service: Service, job: Job) -> Iterator[str]:
    """The rules of the records that a job begins with, and what makes such records."""
    if job.entity:
        yield f"T-rules-{snake(job.entity)}"
        yield from (_reaction(service, it) for it in service.reactions if it.creates == job.entity)
        yield from (_step(it) for it in product.workflow_steps_in(service.name) if it.creates == job.entity)


def _workflows(product: Product) -> Iterator[Task]:
    """The rules of each step, and then each workflow with its ways back."""
    for workflow in product.workflows:
        for step in workflow.steps:
            yield Task(
                _step(step),
                f"{step.service} does {step.creates} for {workflow.name}, and takes it back",
                3,
                service=step.service,
                work=_once("reaction"),
            )
        yield Task(
            _workflow(workflow),
            f"{workflow.service} leads {workflow.name}: try each way back",
            3,
            service=workflow.service,
            needs=tuple(map(_step, workflow.steps)),
            work=(("crossing", len(workflow.steps)),),
        )


def _without(service: Service, dependency: Dependency) -> str:
    return f"T-{service.name}-without-{dependency.service}"


def _reaction(service: Service, reaction: Reaction) -> str:
    return f"T-{service.name}-{reaction.snake.replace('_', '-')}"


def _job(job: Job) -> str:
    return f"T-{job.service}-job-{job.name.replace('_', '-')}"


def _step(step: Step) -> str:
    return f"T-{step.service}-{step.module.replace('_', '-')}"


def _workflow(workflow: Workflow) -> str:
    return f"T-{workflow.service}-{workflow.path}"


def _clients(product: Product) -> Iterator[Task]:
    for api in product.external_apis:
        yield Task(
            f"T-client-{api.name}",
            f"Client for {api.name}",
            3,
            service=", ".join(api.used_by),
            needs=(f"T-spike-{api.name}",),
            work=_once("client"),
        )


def _release(scope: Scope) -> Iterator[Task]:
    work = [
        Task(f"T-{target.id}", f"Measure {target.title}", 4, requirement=target.id, work=_once("measure"))
        for target in scope.targets
    ]
    if scope.backup:
        work.append(Task("T-restore", "Restore from a backup, timed", 4, work=_once("restore")))
    if scope.sensitive:
        work.append(Task("T-privacy", "Review of the sensitive data", 4, work=_once("privacy")))
    place = f"Deploy: {scope.place}" if scope.place else "First deployment"
    work.append(Task("T-deploy", place, 4, work=_once("deploy")))
    yield from work
    yield Task("T-accept", "Acceptance", 4, needs=tuple(task.id for task in work), work=_once("accept"))


def gated(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """The tasks by phase, each phase closed by a task of no length, so that needs stay few with any number of tasks."""
    found: list[Task] = []
    gate: tuple[str, ...] = ()
    for number, name in enumerate(PHASES, 1):
        inside = [task for task in tasks if task.phase == number]
        found += (replace(task, needs=tuple(dict.fromkeys(gate + task.needs))) for task in inside)
        if number < len(PHASES):
            ids = tuple(task.id for task in inside)
            found.append(Task(gate_after(number), f"Go or no-go after {name}", number, needs=ids or gate))
            gate = (gate_after(number),)
    return tuple(found)


def gate_after(phase: int) -> str:
    """The id of the gate that ends a phase."""
    return f"G-{phase}"


def in_order(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """The tasks with each after what it needs; `ValueError` on a cycle or an unknown id."""
    by_id = {task.id: task for task in tasks}
    for task in tasks:
        if unknown := [need for need in task.needs if need not in by_id]:
            raise ValueError(f"{task.id} needs {unknown[0]}, which is not a task")
    try:
        return tuple(by_id[id] for id in TopologicalSorter({task.id: task.needs for task in tasks}).static_order())
    except CycleError as fault:
        cycle: list[str] = fault.args[1]  # each is needed by the next
        raise ValueError(" needs ".join(reversed(cycle))) from None


def without(tasks: Sequence[Task], gone: Collection[str]) -> tuple[Task, ...]:
    """The tasks that are left; what needed one that is gone needs what that one needed."""
    needs: dict[str, tuple[str, ...]] = {}
    for task in in_order(tasks):
        passed = (it for need in task.needs for it in (needs[need] if need in gone else (need,)))
        needs[task.id] = tuple(dict.fromkeys(passed))
    return tuple(replace(task, needs=needs[task.id]) for task in tasks if task.id not in gone)
