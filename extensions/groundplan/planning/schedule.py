"""The plan of a project, and what ImplementationPlan.md says about it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .. import diagrams, gaps, task_overrides, tasks
from ..domain import Product
from ..gaps import Gap, ProjectView
from ..plan import Cut, Goal, Plan, Slot, Team, Timeline
from ..problems import Problem
from ..provenance import cached_property, tracking
from ..tasks import AGENT, ORDER, PEOPLE, Named, Scope, Task
from .markdown import NONE, UNKNOWN, Table, cell, codes, table
from .prd import shown


def build_plan(view: ProjectView) -> Plan:
    """The plan that the answers lead to."""
    with tracking() as answers:
        plan = _build_plan(view)
    return replace(plan, because_of=frozenset(answers))


def _build_plan(view: ProjectView) -> Plan:
    """What must be resolved before coding is work, too."""
    scope, team = _scope(view), _team(view.details("team"))
    own = task_overrides.read(view.items(task_overrides.QUESTION), team.pace)
    return Plan(
        tasks.gated(task_overrides.applied(tasks.derive(scope), own, scope.basis)),
        view.product,
        team,
        _timeline(view.details("timeline")),
        _whole(view.answer("buffer_percent").value, 20),
        deciders=_words(view.answer("decision_makers").value),
        off=tuple(sorted(filter(None, (_date(it.name) for it in view.items("non_working_days"))))),
        basis=scope.basis,
        loaded=tuple(view.id("NFR", it.name) for it in view.items("performance_targets") if it.get("load")),
    )


def problems(view: ProjectView) -> tuple[Problem, ...]:
    """What keeps the plan from being made: tasks of the answers that do not fit the others."""
    own = view.items(task_overrides.QUESTION)
    if not own or (twice := tuple(task_overrides.twice_estimated(own))):
        return twice if own else ()
    read = task_overrides.read(own, _team(view.details("team")).pace)
    scope = _scope(view)
    return task_overrides.problems(tasks.derive(scope), read, view.product.by_name, scope.basis)


def _scope(view: ProjectView) -> Scope:
    targets = tuple(Named(view.id("NFR", it.name), it.name) for it in view.items("performance_targets"))
    risky = (it for it in view.items("risks") if (it.get("kind"), it.get("impact")) == ("technical", "high"))
    place = view.answer("deploy_target")
    return Scope(
        view.product.answered,
        tuple(Named(gap.id, gap.message, _feature(gap, view.product)) for gap in gaps.find(view) if gap.must),
        tuple(Named(view.id("RISK", it.name), it.name) for it in risky),
        targets,
        sensitive=_sensitive(view),
        backup=bool(view.details("backup_recovery")),
        place=shown(place.name, place.value) if place.known else "",
        basis=_words(view.answer("estimate_basis").value) or PEOPLE,
    )


def _feature(gap: Gap, product: Product) -> str:
    """The feature that a gap is about, by its id or that of one of its criteria."""
    return next((it.id for it in product.features if f"{gap.subject}-".startswith(f"{it.id}-")), "")


@dataclass(frozen=True)
class Schedule:
    view: ProjectView
    plan: Plan

    def phase_table(self, number: int) -> Table:
        phase = self.plan.phases[number - 1]
        lasts = ("Agent, Review" if self.plan.with_agent else "Hours") + ", Start, Slack"
        return table(
            f"{phase.name} task, What, Service, {lasts if self.plan.timed else 'Step, Critical'}, Needs",
            (self._task(slot) for slot in phase.slots),
            "No task.",
        )

    def _task(self, slot: Slot) -> Iterator[object]:
        task = slot.task
        yield task.id
        yield cell(task.title)
        yield codes(filter(None, task.service.split(", ")))
        yield from self._times(slot) if self.plan.timed else self._step(slot)
        yield self._needs(task)

    def _times(self, slot: Slot) -> Iterator[object]:
        if self.plan.with_agent:
            yield slot.task.agent
        yield slot.task.hours
        yield self.day(self.plan.span(slot.turn)[0])
        yield "critical" if slot.critical else f"{slot.slack} h"

    def _step(self, slot: Slot) -> Iterator[object]:
        yield NONE if slot.task.is_gate else slot.earliest + 1
        yield "critical" if slot.critical else NONE

    def _needs(self, task: Task) -> str:
        """The needs of a task that its phase does not say already: those of the same phase."""
        if task.is_gate:
            return f"all of phase {task.phase}"
        inside = {slot.task.id for slot in self.plan.phases[task.phase - 1].slots}
        return ", ".join(need for need in task.needs if need in inside) or NONE

    def day(self, number: int) -> str:
        """`2027-01-11`, or `day 3` while no start is answered."""
        dated = self.plan.dated(number)
        return dated.isoformat() if dated else f"day {number + 1}"

    def phase_work(self, number: int) -> str:
        """How much work a phase is; nothing where nobody has estimated it."""
        phase = self.plan.phases[number - 1]
        if not self.plan.timed:
            return ""
        agent = f"{phase.agent_hours} hours of an agent, " if self.plan.with_agent else ""
        return f" {agent}{phase.hours} hours of {'people' if agent else 'work'}."

    @cached_property
    def goals(self) -> Table:
        """What is to be finished when, by which of the people; a gate by nobody."""
        if not self.plan.timed:
            return Table((), ())
        title = "In the week from" if self.plan.is_long else "On"
        return table(
            f"{title}, To be finished (by person)", ((self.day(it.day), _by_person(it)) for it in self.plan.goals)
        )

    @cached_property
    def cuts(self) -> Table:
        return table(
            "Left out, What, Priority, Saves, Then it takes", (self._cut(it) for it in self.plan.cuts), self._no_cut
        )

    def _cut(self, it: Cut) -> tuple[object, ...]:
        return it.feature.id, cell(it.feature.name), it.feature.priority, f"{it.hours} h", f"{it.total_days:g} days"

    @property
    def _no_cut(self) -> str:
        if not self.plan.over_days:
            return ""
        return (
            f"Leaving out features is not enough: without any of them it is still {self.plan.least_over_days:g} over."
        )

    @property
    def cut_sentence(self) -> str:
        """What the cuts are for."""
        if not self.plan.cuts:
            return ""
        fixed = self.plan.timeline.fixed == "scope"
        return "The scope is fixed, so the date has to move. Else leave out:" if fixed else "To fit, leave out:"

    @cached_property
    def rates(self) -> Table:
        """The rates that the estimates are made of."""
        used = {kind for task in self.plan.tasks for kind, _ in task.work}
        rates = [(kind, it) for kind, it in tasks.RATES.items() if kind in used]
        if self.plan.with_agent:
            return table("Kind, Agent, Review, Basis", ((kind, it.agent, it.review, it.basis) for kind, it in rates))
        return table("Kind, Hours, Basis", ((kind, it.person, it.basis) for kind, it in rates))

    @property
    def basis(self) -> str:
        """Whose hours these are."""
        return {
            PEOPLE: "Hours of a person (`estimate_basis`).",
            AGENT: "An agent works on a task, then a person reviews it (`estimate_basis`). Only people are scarce.",
            ORDER: "Nothing is estimated (`estimate_basis`): every task is one step.",
        }[self.plan.basis]

    @property
    def own(self) -> str:
        """The tasks that somebody knows better than the rates."""
        ids = ", ".join(it.name for it in self.view.items(task_overrides.QUESTION))
        return f"By `{task_overrides.QUESTION}`: {ids}." if ids else ""

    @property
    def time(self) -> Table:
        given = self.view.details("timeline")
        words = (
            ("Start", "start"),
            ("Weeks", "weeks"),
            ("Deadline", "deadline"),
            ("Fixed", "fixed"),
        )
        rows = [(label, cell(given.get(key), UNKNOWN)) for label, key in words]
        return table("Timeline, Answer", rows if given else ())

    @property
    def people(self) -> Table:
        given = self.view.details("team")
        words = (
            ("People", "size"),
            ("Hours a day", "hours_per_day"),
            ("Days a week", "days_per_week"),
        )
        team = vars(self.plan.team)
        return table(
            "Team, Answer",
            ((label, f"{team[key]:g}" + ("" if key in given else " (assumed)")) for label, key in words),
        )

    @property
    def path_sentence(self) -> str:
        """The critical path in numbers."""
        made = self.plan
        if not made.timed:
            return f"It has {made.path_hours} steps."
        reviewed = f"; {made.people_hours} of all are people's" if made.with_agent else ""
        return (
            f"It takes {made.path_hours} of {made.work_hours} hours{reviewed}. A team of {made.team.size} with "
            f"{made.team.hours_per_day:g} hours a day needs {made.days(made.levelled_hours):g} working "
            f"days for all of it; no team needs less than {made.days(made.path_hours):g}."
        )

    @property
    def buffer_sentence(self) -> str:
        made = self.plan
        if not made.timed:
            return ""
        if not made.buffer_percent:
            return "No buffer is kept back (`buffer_percent`)."
        return f"The buffer of {made.buffer_days:g} working days is in one piece at the end."

    @cached_property
    def gantt(self) -> diagrams.Diagram:
        return diagrams.gantt(self.plan)


def _by_person(goal: Goal) -> str:
    """`1: T-agree, T-rules-book; 2: T-rules-order; G-1`."""
    people = (f"{person}: {', '.join(ids)}" for person, ids in goal.finished if person)
    gates = (", ".join(ids) for person, ids in goal.finished if not person)
    return "; ".join((*people, *gates))


LEAST_HOURS = 0.01
"""Of a day's work; less is a slip, and days would have no end."""


def _team(given: Mapping[str, object]) -> Team:
    hours, days = given.get("hours_per_day"), given.get("days_per_week")
    return Team(
        max(1, _whole(given.get("size"), 1)),
        float(hours) if isinstance(hours, (int, float)) and hours >= LEAST_HOURS else 6,
        min(7, max(1, _whole(days, 5))),
    )


def _timeline(given: Mapping[str, object]) -> Timeline:
    weeks = given.get("weeks")
    return Timeline(
        _date(given.get("start")),
        float(weeks) if isinstance(weeks, (int, float)) and weeks else None,
        _date(given.get("deadline")),
        str(given.get("fixed", "")),
    )


def _date(value: object) -> datetime.date | None:
    return datetime.date.fromisoformat(value) if isinstance(value, str) and value else None


def _whole(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _words(value: object) -> str:
    return " ".join(str(value).split()) if isinstance(value, str) else ""


def _sensitive(view: ProjectView) -> bool:
    value = view.answer("data_sensitivity").value
    given = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
    return any(item not in ("none", "tbd") for item in given)
