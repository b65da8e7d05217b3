"""The tasks in time: critical path, levelling by the team, buffer, phases, and a verdict on the timeline."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from .domain import Product
from .provenance import Names, cached_property, told
from .tasks import PHASES, Task


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

    @property
    def hours(self) -> int:
        return sum(slot.task.hours for slot in self.slots)


MONDAY = date(2001, 1, 1)
"""Day 1 of a plan whose start nobody has answered."""


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
    """The date of working day `number`, the first being 0; the last date there is, for what never ends."""
    try:
        first = start + timedelta(days=7 - start.weekday() if start.weekday() >= days_per_week else 0)
        weeks, rest = divmod(first.weekday() + number, days_per_week)
        return first + timedelta(days=7 * weeks + rest - first.weekday())
    except OverflowError:
        return date.max


def working_days(start: date, end: date, days_per_week: int) -> int:
    """How many working days there are from `start` to `end`, both included."""
    weeks, rest = divmod((end - start).days + 1, 7)
    tail = (start + timedelta(days=7 * weeks + extra) for extra in range(rest))
    return weeks * days_per_week + sum(day.weekday() < days_per_week for day in tail)


@told(lambda it, part: ("decision_makers",) if part == "deciders" else it.answers if part != "answers" else ())
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
    answers: Names = field(default=frozenset(), compare=False)
    """What it was made from."""

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
        return Phase(number, PHASES[number - 1], slots, entry, tuple(self._exits(number)))

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

    def chart_date(self, hours: int) -> str:
        """The working day of a levelled hour; an unanswered start counts from a day that is a Monday and the first."""
        day = int(hours // self.team.hours_per_day)
        return working_day(self.timeline.start or MONDAY, day, self.team.days_per_week).isoformat()

    def chart_days(self, slot: Slot) -> str:
        """The length of a bar, weekends within it included."""
        if not slot.task.hours:
            return "0d"
        first = date.fromisoformat(self.chart_date(slot.start))
        last = date.fromisoformat(self.chart_date(max(slot.start, slot.finish - 1)))
        return f"{(last - first).days + 1}d"
