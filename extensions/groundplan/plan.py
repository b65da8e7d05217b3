"""The tasks in time: critical path, levelling by the team, buffer, phases, and a verdict on the timeline."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction

from .domain import Feature, Product
from .provenance import QuestionNames, cached_property, tracked
from .tasks import AGENT, ORDER, PEOPLE, PHASES, Task, gate_after, in_order, without


@dataclass(frozen=True)
class Team:
    size: int = 1
    hours_per_day: float = 6
    days_per_week: int = 5

    @property
    def pace(self) -> Fraction:
        """The exact hours of a day."""
        return Fraction(str(self.hours_per_day))


@dataclass(frozen=True)
class Timeline:
    """The answers about time; `fixed` is `date`, `scope` or empty."""

    start: date | None = None
    weeks: float | None = None
    deadline: date | None = None
    fixed: str = ""


@dataclass(frozen=True)
class Calendar:
    """The days on which there is work: the first of each week, without those that are off."""

    days_per_week: int = 5
    off: tuple[date, ...] = ()
    """In order, each once; those outside the working week do not matter."""

    def working_day(self, start: date, number: int) -> date:
        """The date of working day `number`, the first being 0; the last date there is, for what never ends."""
        index = number
        while True:
            day = self._day_of_week(start, index)
            later = number + self._lost(start, day)
            if later == index or day == date.max:
                return day
            index = later

    def working_days(self, start: date, end: date) -> int:
        """How many working days there are from `start` to `end`, both included; none where the end comes first."""
        if end < start:
            return 0
        weeks, rest = divmod((end - start).days + 1, 7)
        tail = (start + timedelta(days=7 * weeks + extra) for extra in range(rest))
        return weeks * self.days_per_week + sum(map(self._is_in_week, tail)) - self._lost(start, end)

    def _day_of_week(self, start: date, number: int) -> date:
        """Working day `number` if no day were off."""
        try:
            first = start + timedelta(days=0 if self._is_in_week(start) else 7 - start.weekday())
            weeks, rest = divmod(first.weekday() + number, self.days_per_week)
            return first + timedelta(days=7 * weeks + rest - first.weekday())
        except OverflowError:
            return date.max

    def _is_in_week(self, day: date) -> bool:
        return day.weekday() < self.days_per_week

    def _lost(self, start: date, end: date) -> int:
        """How many working days are off from `start` to `end`, both included."""
        return max(0, bisect_right(self._off, end) - bisect_left(self._off, start))

    @cached_property
    def _off(self) -> tuple[date, ...]:
        return tuple(filter(self._is_in_week, self.off))


@dataclass(frozen=True)
class Turn:
    """When a task has its turn, in hours from the start, and who takes it."""

    start: int
    """When the agent begins; when the person does, where no agent works on it."""
    finish: int
    person: int
    """From 1 on; 0 for what takes nobody's time."""


@dataclass(frozen=True)
class Slot:
    """A task in the levelled schedule, with the time that it has however many people there are."""

    task: Task
    turn: Turn
    earliest: int
    """Its earliest start."""
    latest: int
    """Its latest finish, if nothing is to end later."""

    @property
    def slack(self) -> int:
        """Hours by which it may slip without delaying the end, if enough people are there."""
        return self.latest - self.earliest - self.task.length

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
        """Of people."""
        return sum(slot.task.hours for slot in self.slots)

    @property
    def agent_hours(self) -> int:
        return sum(slot.task.agent for slot in self.slots)


@dataclass(frozen=True)
class Cut:
    """A feature to leave out, and how long all takes without it and those named before."""

    feature: Feature
    hours: int
    """Of people, which are saved."""
    total_days: float


@dataclass(frozen=True)
class Goal:
    """What is finished on a day, or in the week that begins with it: ids of tasks by person, gates under 0."""

    day: int
    """A working day, the first being 0."""
    finished: tuple[tuple[int, tuple[str, ...]], ...]


def earliest_finish(tasks: Sequence[Task]) -> dict[str, int]:
    """When each task can be done if people are not scarce."""
    finish: dict[str, int] = {}
    for task in in_order(tasks):
        finish[task.id] = max((finish[need] for need in task.needs), default=0) + task.length
    return finish


def latest_finish(tasks: Sequence[Task], end: int) -> dict[str, int]:
    """When each task must be done for all to be done at `end`."""
    finish = {task.id: end for task in tasks}
    for task in reversed(in_order(tasks)):
        for need in task.needs:
            finish[need] = min(finish[need], finish[task.id] - task.length)
    return finish


def level(tasks: Sequence[Task], people: int) -> dict[str, Turn]:
    """A turn for every task such that at most `people` are at work; what may slip least goes first.

    Agents are not scarce: each begins when what its task needs is there, and a person takes over when one is free.
    """
    latest = latest_finish(tasks, max(earliest_finish(tasks).values(), default=0))
    place = {task.id: number for number, task in enumerate(tasks)}
    dependants: dict[str, list[int]] = {task.id: [] for task in tasks}
    for number, task in enumerate(tasks):
        for need in task.needs:
            dependants[need].append(number)
    waiting = [len(task.needs) for task in tasks]
    begun = dict.fromkeys(range(len(tasks)), 0)
    prepared = [(task.agent, place[task.id]) for task in tasks if not task.needs]  # when an agent is done with it
    heapq.heapify(prepared)
    ready: list[tuple[int, int]] = []  # by the latest hour at which a person may begin
    working: list[tuple[int, int, int]] = []  # until when, on what, who
    free = list(range(1, people + 1))
    turns: dict[str, Turn] = {}
    now = 0
    while prepared or working:
        now = min(heap[0][0] for heap in (prepared, working) if heap)
        while working and working[0][0] == now:
            _, number, person = heapq.heappop(working)
            if person:
                heapq.heappush(free, person)
            for dependant in dependants[tasks[number].id]:
                waiting[dependant] -= 1
                if not waiting[dependant]:
                    begun[dependant] = now
                    heapq.heappush(prepared, (now + tasks[dependant].agent, dependant))
        while prepared and prepared[0][0] == now:
            number = heapq.heappop(prepared)[1]
            task = tasks[number]
            if task.hours:
                heapq.heappush(ready, (latest[task.id] - task.hours, number))
            else:
                turns[task.id] = Turn(begun[number], now, 0)
                heapq.heappush(working, (now, number, 0))
        while ready and free:
            number, person = heapq.heappop(ready)[1], heapq.heappop(free)
            task = tasks[number]
            turns[task.id] = Turn(begun[number] if task.agent else now, now + task.hours, person)
            heapq.heappush(working, (now + task.hours, number, person))
    return turns


FOUR_WEEKS = 4
"""Up to this many weeks a plan has a goal for each day, a longer one for each week."""


@tracked(lambda it, part: ("decision_makers",) if part == "deciders" else it.because_of if part != "because_of" else ())
@dataclass(frozen=True)
class Plan:
    """The tasks in time: levelled, buffered, compared with the timeline."""

    tasks: tuple[Task, ...]
    product: Product
    team: Team = Team()
    timeline: Timeline = Timeline()
    buffer_percent: int = 20
    deciders: str = ""
    off: tuple[date, ...] = ()
    """The days on which nobody works, in order."""
    basis: str = PEOPLE
    loaded: tuple[str, ...] = ()
    """The ids of the targets for which a load is answered."""
    because_of: QuestionNames = field(default=frozenset(), compare=False)
    """The questions whose answers it was made from."""

    @property
    def timed(self) -> bool:
        """Whether durations are estimated; else every task is one step, and hours are steps."""
        return self.basis != ORDER

    @property
    def with_agent(self) -> bool:
        return self.basis == AGENT

    @cached_property
    def calendar(self) -> Calendar:
        """Days are off only where they have dates."""
        return Calendar(self.team.days_per_week, self.off if self.timeline.start else ())

    @cached_property
    def turns(self) -> dict[str, Turn]:
        """Where nobody estimates, people are not scarce either."""
        return level(self.tasks, self.team.size if self.timed else max(1, len(self.tasks)))

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Every task with its turn, in order of start, and each after what it needs."""
        early = earliest_finish(self.tasks)
        late = latest_finish(self.tasks, self.path_hours)
        slots = [Slot(it, self.turns[it.id], early[it.id] - it.length, late[it.id]) for it in in_order(self.tasks)]
        return tuple(sorted(slots, key=lambda slot: (slot.turn.start, slot.turn.finish)))

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
        return sum(task.length for task in self.tasks)

    @property
    def people_hours(self) -> int:
        return sum(task.hours for task in self.tasks)

    @cached_property
    def levelled_hours(self) -> int:
        """How long it takes with this team."""
        return max((turn.finish for turn in self.turns.values()), default=0)

    def days(self, hours: float | Fraction) -> float:
        """Working days that `hours` take one person, to a tenth, rounded up."""
        return math.ceil(10 * Fraction(hours) / self.team.pace) / 10

    @property
    def buffer_days(self) -> float:
        return self._buffer(self.levelled_hours)

    @cached_property
    def total_days(self) -> float:
        """Working days with this team, buffer included."""
        return self._buffered(self.levelled_hours)

    def _buffered(self, hours: int) -> float:
        return round(self.days(hours) + self._buffer(hours), 1)

    def _buffer(self, hours: int) -> float:
        return self.days(Fraction(hours * self.buffer_percent, 100))

    @property
    def least_days(self) -> float:
        """Working days that no team can undercut, buffer included."""
        return self.days(Fraction(self.path_hours * (100 + self.buffer_percent), 100))

    @cached_property
    def available_days(self) -> float | None:
        """Working days that the timeline answers leave, if they say and durations are estimated."""
        time = self.timeline
        if not self.timed:
            return None
        if time.start and time.deadline:
            return self.calendar.working_days(time.start, time.deadline)
        if time.weeks:
            return max(0.0, round(time.weeks * self.team.days_per_week - self._lost(time.weeks), 1))
        return None

    def _lost(self, weeks: float) -> int:
        """The working days that are off within the weeks from the start on."""
        if not self.timeline.start:
            return 0
        week = Calendar(self.team.days_per_week)
        end = week.working_day(self.timeline.start, max(0, math.ceil(weeks * self.team.days_per_week) - 1))
        start = self.timeline.start
        return week.working_days(start, end) - self.calendar.working_days(start, end)

    @property
    def over_days(self) -> float:
        """By how many days the plan exceeds the timeline; 0 when it fits or none was answered."""
        if self.available_days is None:
            return 0
        return max(0.0, round(self.total_days - self.available_days, 1))

    @cached_property
    def cuts(self) -> tuple[Cut, ...]:
        """What to leave out for the plan to fit, least priority first and among equals the last declared first.

        Each is needed for that. Empty where it fits, or where not even leaving out all features makes it fit.
        """
        if not self.over_days or self.least_over_days:
            return ()
        candidates = self._by_priority
        count = next(n for n in range(len(candidates) + 1) if self._fits_without(candidates[:n]))
        needed = self._needed(candidates[:count])
        return tuple(self._cut(needed[: n + 1]) for n in range(len(needed)))

    @cached_property
    def _by_priority(self) -> list[Feature]:
        """The features that are work, what may be left out first in front."""
        work = {task.requirement for task in self.tasks}
        kept = [feature for feature in reversed(self.product.features) if feature.id in work]
        return sorted(kept, key=lambda feature: feature.priority, reverse=True)

    def _needed(self, chosen: list[Feature]) -> list[Feature]:
        """What of it has to go: everything else comes back, the most important first."""
        needed = chosen
        for feature in reversed(chosen):
            fewer = [it for it in needed if it != feature]
            needed = fewer if self._fits_without(fewer) else needed
        return chosen if needed == chosen else self._needed(needed)

    def _cut(self, features: Sequence[Feature]) -> Cut:
        hours = sum(task.hours for task in self.tasks if task.requirement == features[-1].id)
        return Cut(features[-1], hours, self.left_without(features).total_days)

    def _fits_without(self, features: Sequence[Feature]) -> bool:
        """Levelling is slow, so it is skipped if the work alone exceeds what the people can do."""
        ids = {feature.id for feature in features}
        work = sum(task.hours for task in self.tasks if task.requirement not in ids)
        if self._buffered(math.ceil(work / self.team.size)) > (self.available_days or 0):
            return False
        return not self.left_without(features).over_days

    def left_without(self, features: Sequence[Feature]) -> Plan:
        """The plan of what is left when features are cut."""
        ids = {feature.id for feature in features}
        return replace(self, tasks=without(self.tasks, {task.id for task in self.tasks if task.requirement in ids}))

    @cached_property
    def least_over_days(self) -> float:
        """By how many days it exceeds the timeline even without any feature."""
        return self.left_without(self._by_priority).over_days

    @property
    def ends(self) -> date | None:
        """The last day, buffer included, where a start is answered."""
        last = max(0, math.ceil(self.total_days) - 1)
        return self.calendar.working_day(self.timeline.start, last) if self.timeline.start and self.timed else None

    @property
    def verdict(self) -> str:
        """Whether it fits, in a sentence of numbers."""
        return f"{self.comparison[:1].upper()}{self.comparison[1:]}."

    @property
    def comparison(self) -> str:
        """The verdict as a part of a sentence."""
        if not self.timed:
            steps = f"at least {self.path_hours} steps come one after the other"
            return f"{steps}; nothing is estimated, so nothing is compared with the timeline"
        need = f"{self.days(self.levelled_hours)} working days "
        if self.buffer_percent:
            need += f"and {self.buffer_days} of buffer ({self.buffer_percent} %) make {self.total_days}"
        else:
            need += "without a buffer"
        if self.ends:
            need += f", the last one {self.ends}"
        if self.available_days is None:
            return f"{need}; no timeline is answered to compare with"
        if not self.over_days:
            return f"{need}; {self.available_days:g} are available; it fits"
        return f"{need}; {self.available_days:g} are available; it is {self.over_days} over"

    @cached_property
    def goals(self) -> tuple[Goal, ...]:
        """What is to be finished day by day, or week by week in a plan of more than four weeks."""
        found: dict[int, dict[int, list[str]]] = {}
        for slot in sorted(self.slots, key=lambda slot: slot.turn.finish):
            by_person = found.setdefault(self._goal_day(slot), {})
            by_person.setdefault(slot.turn.person, []).append(slot.task.id)
        return tuple(
            Goal(day, tuple((person, tuple(ids)) for person, ids in sorted(by_person.items())))
            for day, by_person in sorted(found.items())
        )

    def _goal_day(self, slot: Slot) -> int:
        day = self.last_day(slot.turn.finish)
        return day if not self.is_long else self._first_of_week(day)

    @property
    def is_long(self) -> bool:
        """Whether it has goals by the week."""
        return self.last_day(self.levelled_hours) >= FOUR_WEEKS * self.team.days_per_week

    def _first_of_week(self, day: int) -> int:
        """The first working day of a day's week: the calendar's, where there are dates."""
        start, per_week = self.timeline.start, self.team.days_per_week
        if start is None:
            return day - day % per_week
        monday = self.calendar.working_day(start, day)
        monday -= timedelta(days=min(monday.weekday(), (monday - start).days))
        return self.calendar.working_days(start, monday - timedelta(days=1)) if monday > start else 0

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        return tuple(self._phase(number) for number in range(1, len(PHASES) + 1))

    def _phase(self, number: int) -> Phase:
        slots = tuple(slot for slot in self.slots if slot.task.phase == number)
        entry = f"{gate_after(number - 1)} passed" if number > 1 else "this plan accepted"
        return Phase(number, PHASES[number - 1], slots, entry, tuple(self._exits(number)))

    def _exits(self, number: int) -> Iterator[str]:
        """What must hold to leave a phase: things that a command or a list of ids shows."""
        inside = (task for task in self.tasks if task.phase == number)
        named = [task.requirement for task in inside if task.id == f"T-{task.requirement}"]
        tested = {feature.id for feature in self.product.features if feature.criteria}
        features = [id for id in named if id in tested]
        if number == 1:
            yield "`{run:plan gaps}` shows no gap to resolve before coding (the [gap report](GapReport.md) has them)"
            for api in self.product.external_apis:
                yield f"a real answer of {api.name} is on file, with its limits"
            for risk in named:
                yield f"the mitigation of {risk} was tried, and [Notes](Notes.md) have the result"
        if features:
            yield f"the acceptance tests of {', '.join(features)} pass without their xfail marks"
        if number == 2 and self.product.features and not named:
            yield "nothing: every feature needs something of phase 3, and is checked there"
        if number == 3:
            if not any(task.phase == number and not task.is_gate for task in self.tasks):
                yield "nothing: no feature takes a second service, and nobody else's API is called"
            for service in self.product.services:
                for dependency in self.product.calls(service):
                    yield f"a test shows that {service.name} {dependency.failure_behaviour}"
        if number == 4:
            yield "`{run:pytest}` and `{run:plan check}` exit with 0"
            yield from self._measured([id for id in named if id.startswith("NFR-")])

    def _measured(self, targets: Sequence[str]) -> Iterator[str]:
        """What a measurement has to show of targets."""
        at_load = [id for id in targets if id in self.loaded]
        others = [id for id in targets if id not in self.loaded]
        if at_load:
            yield f"{', '.join(at_load)} measured at the answered load"
        if others:
            yield f"{', '.join(others)} measured, and the load noted, as none is answered (`performance_targets`)"

    def span(self, turn: Turn) -> tuple[int, int]:
        """The first and the last working day of a turn, the plan's first being 0."""
        last = self.last_day(turn.finish)
        return min(last, turn.start // self.team.pace), last

    def last_day(self, hour: int) -> int:
        """The working day on which work that ends at an hour does."""
        return max(0, math.ceil(hour / self.team.pace) - 1)

    def dated(self, day: int) -> date | None:
        """The date of a working day, where a start is answered."""
        return self.calendar.working_day(self.timeline.start, day) if self.timeline.start else None
