"""The implementation plan: tasks derived from what was asked, and the arithmetic over them.

Durations are whole hours, so that sums are exact; a person-day has as many as the team answered.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

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


@dataclass(frozen=True)
class Team:
    size: int = 1
    hours_per_day: float = 6
    days_per_week: int = 5


@dataclass(frozen=True)
class Timeline:
    """What was answered about time; `fixed` is `date`, `scope` or empty."""

    start: date | None = None
    weeks: float | None = None
    deadline: date | None = None
    fixed: str = ""


@dataclass(frozen=True)
class Slot:
    """A task in the levelled schedule, in hours from the start."""

    task: Task
    start: int
    slack: int
    """Hours by which it may slip without delaying the end, if enough people are there."""

    @property
    def finish(self) -> int:
        return self.start + self.task.hours

    @property
    def critical(self) -> bool:
        return self.slack == 0


@dataclass(frozen=True)
class Phase:
    """A phase of the guide with what lets it begin and end."""

    number: int
    name: str
    slots: tuple[Slot, ...]
    entry: str
    exits: tuple[str, ...]
    no_go: str

    @property
    def hours(self) -> int:
        return sum(slot.task.hours for slot in self.slots)


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
    """The rules of what a service calls; declared dependencies have no cycle, references may."""
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


def in_order(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """The tasks with each after what it needs; `ValueError` on a cycle or an unknown id."""
    by_id = {task.id: task for task in tasks}
    dependants: dict[str, list[Task]] = {task.id: [] for task in tasks}
    for task in tasks:
        for need in task.needs:
            if need not in by_id:
                raise ValueError(f"{task.id} needs {need}, which is no task")
            dependants[need].append(task)
    waiting = {task.id: len(task.needs) for task in tasks}
    ready = [task for task in tasks if not task.needs]
    for task in ready:
        for dependant in dependants[task.id]:
            waiting[dependant.id] -= 1
            if not waiting[dependant.id]:
                ready.append(dependant)
    if len(ready) < len(tasks):
        raise ValueError("tasks need each other: " + ", ".join(sorted(i for i in waiting if waiting[i])))
    return tuple(ready)


def earliest_finish(tasks: Sequence[Task]) -> dict[str, int]:
    """When each task can be done if people are not scarce."""
    finish: dict[str, int] = {}
    for task in in_order(tasks):
        finish[task.id] = max((finish[need] for need in task.needs), default=0) + task.hours
    return finish


def latest_finish(tasks: Sequence[Task], end: int) -> dict[str, int]:
    """When each task must be done for all to be done at `end`."""
    finish = {task.id: end for task in tasks}
    for task in reversed(in_order(tasks)):
        for need in task.needs:
            finish[need] = min(finish[need], finish[task.id] - task.hours)
    return finish


def level(tasks: Sequence[Task], people: int) -> dict[str, int]:
    """A start for every task such that at most `people` are at work; what may slip least goes first."""
    latest = latest_finish(tasks, max(earliest_finish(tasks).values(), default=0))
    place = {task.id: number for number, task in enumerate(tasks)}
    dependants: dict[str, list[Task]] = {task.id: [] for task in tasks}
    for task in tasks:
        for need in task.needs:
            dependants[need].append(task)
    waiting = {task.id: len(task.needs) for task in tasks}
    ready = [(latest[task.id] - task.hours, place[task.id]) for task in tasks if not task.needs]
    heapq.heapify(ready)
    working: list[tuple[int, int]] = []
    start: dict[str, int] = {}
    now = 0
    while ready or working:
        while ready and len(working) < people:
            task = tasks[heapq.heappop(ready)[1]]
            start[task.id] = now
            heapq.heappush(working, (now + task.hours, place[task.id]))
        now, number = heapq.heappop(working)
        for dependant in dependants[tasks[number].id]:
            waiting[dependant.id] -= 1
            if not waiting[dependant.id]:
                urgency = latest[dependant.id] - dependant.hours
                heapq.heappush(ready, (urgency, place[dependant.id]))
    return start


def working_day(start: date, number: int, days_per_week: int) -> date:
    """The date of working day `number`, the first being 0: the first weekday on or after `start`."""
    first = start + timedelta(days=7 - start.weekday() if start.weekday() >= days_per_week else 0)
    weeks, rest = divmod(first.weekday() + number, days_per_week)
    return first + timedelta(days=7 * weeks + rest - first.weekday())


def working_days(start: date, end: date, days_per_week: int) -> int:
    """How many working days there are from `start` to `end`, both included."""
    weeks, rest = divmod((end - start).days + 1, 7)
    tail = (start + timedelta(days=7 * weeks + extra) for extra in range(rest))
    return weeks * days_per_week + sum(day.weekday() < days_per_week for day in tail)


@dataclass(frozen=True)
class Plan:
    """The tasks in time: levelled, buffered, compared with the timeline."""

    tasks: tuple[Task, ...]
    product: Product
    team: Team = Team()
    timeline: Timeline = Timeline()
    buffer_percent: int = 20
    blockers: int = 0
    """How many gaps must be resolved before coding."""
    deciders: str = ""

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Every task with its levelled start, in order of start."""
        early = earliest_finish(self.tasks)
        late = latest_finish(self.tasks, self.path_hours)
        start = level(self.tasks, self.team.size)
        slots = [Slot(task, start[task.id], late[task.id] - early[task.id]) for task in self.tasks]
        return tuple(sorted(slots, key=lambda slot: (slot.start, slot.finish, slot.task.phase)))

    @cached_property
    def path_hours(self) -> int:
        """Length of the critical path: how long it takes however many people there are."""
        return max(earliest_finish(self.tasks).values(), default=0)

    @cached_property
    def critical_path(self) -> tuple[Task, ...]:
        """One longest chain of tasks, each needed by the next."""
        by_id = {task.id: task for task in self.tasks}
        finish = earliest_finish(self.tasks)
        chain: list[Task] = []
        step = max(self.tasks, key=lambda task: finish[task.id], default=None)
        while step:
            chain.append(step)
            needs = [by_id[need] for need in step.needs]
            step = max(needs, key=lambda task: finish[task.id], default=None)
        return tuple(reversed(chain))

    @property
    def work_hours(self) -> int:
        return sum(task.hours for task in self.tasks)

    @cached_property
    def levelled_hours(self) -> int:
        """How long it takes with this team."""
        return max((slot.finish for slot in self.slots), default=0)

    def days(self, hours: float) -> float:
        """Working days that `hours` take one person, to a tenth, rounded up."""
        return math.ceil(10 * hours / self.team.hours_per_day) / 10

    @property
    def buffer_days(self) -> float:
        return math.ceil(self.levelled_hours / self.team.hours_per_day * self.buffer_percent / 10) / 10

    @property
    def total_days(self) -> float:
        """Working days with this team, buffer included."""
        return round(self.days(self.levelled_hours) + self.buffer_days, 1)

    @property
    def least_days(self) -> float:
        """Working days that no team can undercut, buffer included."""
        return round(self.days(self.path_hours * (1 + self.buffer_percent / 100)), 1)

    @property
    def available_days(self) -> float | None:
        """Working days that the timeline answers leave, if they say."""
        time = self.timeline
        if time.start and time.deadline:
            return working_days(time.start, time.deadline, self.team.days_per_week)
        if time.weeks:
            return round(time.weeks * self.team.days_per_week, 1)
        return None

    @property
    def over_days(self) -> float:
        """By how many days the plan exceeds the timeline; 0 when it fits or none was answered."""
        if self.available_days is None:
            return 0
        return max(0.0, round(self.total_days - self.available_days, 1))

    @cached_property
    def cuts(self) -> tuple[Task, ...]:
        """Features to cut until the plan fits, least priority first and among equals the last declared first."""
        rank = {feature.id: (feature.priority, n) for n, feature in enumerate(self.product.features)}
        candidates = [task for task in self.tasks if task.requirement in rank]
        candidates.sort(key=lambda task: rank[task.requirement], reverse=True)
        left = self.over_days * self.team.hours_per_day * self.team.size
        chosen: list[Task] = []
        for task in candidates:
            if left <= 0:
                break
            chosen.append(task)
            left -= task.hours * (1 + self.buffer_percent / 100)
        return tuple(chosen)

    @property
    def verdict(self) -> str:
        """Whether it fits, in a sentence of numbers."""
        need = (
            f"{self.days(self.levelled_hours)} working days and {self.buffer_days} of buffer "
            f"({self.buffer_percent} %) make {self.total_days}"
        )
        if self.available_days is None:
            return f"{need}; no timeline is answered to compare with."
        if not self.over_days:
            return f"{need}; {self.available_days:g} are available. It fits."
        return f"{need}; {self.available_days:g} are available. It is {self.over_days} over."

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        return tuple(self._phase(number) for number in range(1, len(PHASES) + 1))

    def _phase(self, number: int) -> Phase:
        slots = tuple(slot for slot in self.slots if slot.task.phase == number)
        entry = f"G-{number - 1} passed" if number > 1 else "this plan accepted"
        return Phase(
            number,
            PHASES[number - 1],
            slots,
            entry,
            tuple(self._exits(number)),
            self._no_go(number),
        )

    def _exits(self, number: int) -> Iterator[str]:
        """What must hold to leave a phase: things that a command or a list of ids shows."""
        features = [
            task.requirement for task in self.tasks if task.requirement.startswith("FR-") and task.phase == number
        ]
        if number == 1:
            yield f"`uv run plan gaps` shows no gap to resolve before coding (at generation: {self.blockers})"
            for api in self.product.external_apis:
                yield f"a real answer of {api.name} is on file, with its limits"
        if features:
            yield f"the acceptance tests of {', '.join(features)} pass without their xfail marks"
        if number == 3:
            for service in self.product.services:
                for dependency in service.depends_on:
                    yield f"a test shows {service.name} with {dependency.service} away: {dependency.when_away}"
        if number == 4:
            measured = [task.requirement for task in self.tasks if task.requirement.startswith("NFR-")]
            yield "`uv run pytest` and `uv run plan check` exit with 0"
            if measured:
                yield f"{', '.join(measured)} measured at the answered load"

    def _no_go(self, number: int) -> str:
        who = self.deciders or "nobody is answered (`decision_makers`)"
        cut = ", ".join(task.id for task in self.cuts)
        return f"Decides: {who}." + (f" On no-go, cut first: {cut}." if cut else "")

    def chart_date(self, hours: int) -> str:
        """The working day of a levelled hour as a chart shows it; an unanswered start counts from 2000-01-03."""
        day = int(hours // self.team.hours_per_day)
        start = self.timeline.start or date(2000, 1, 3)
        return working_day(start, day, self.team.days_per_week).isoformat()

    def chart_days(self, slot: Slot) -> str:
        """The length of a bar, weekends within it included."""
        if not slot.task.hours:
            return "0d"
        first = date.fromisoformat(self.chart_date(slot.start))
        last = date.fromisoformat(self.chart_date(max(slot.start, slot.finish - 1)))
        return f"{(last - first).days + 1}d"
