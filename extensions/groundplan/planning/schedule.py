"""The plan of a project, and what ImplementationPlan.md says about it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .. import diagrams, gaps, tasks
from ..gaps import Facts
from ..plan import Plan, Slot, Team, Timeline
from ..provenance import cached_property, noting
from ..tasks import Named, Scope, Task
from .markdown import NONE, UNKNOWN, Table, codes, table, text


def made_from(facts: Facts) -> Plan:
    """The plan that the answers lead to."""
    with noting() as answers:
        plan = _made_from(facts)
    return replace(plan, answers=frozenset(answers))


def _made_from(facts: Facts) -> Plan:
    """What must be resolved before coding is work, too."""
    blockers = tuple(Named(gap.id, gap.message) for gap in gaps.find(facts) if gap.must)
    targets = tuple(Named(facts.id("NFR", it.name), it.name) for it in facts.items("performance_targets"))
    place = facts.answer("deploy_target")
    scope = Scope(
        facts.product,
        blockers,
        targets,
        sensitive=_sensitive(facts),
        backup=bool(facts.details("backup_recovery")),
        place=str(place.value) if place.known else "",
    )
    return Plan(
        tasks.derive(scope),
        facts.product,
        _team(facts.details("team")),
        _timeline(facts.details("timeline")),
        _whole(facts.answer("buffer_percent").value, 20),
        blockers=len(blockers),
        deciders=_words(facts.answer("decision_makers").value),
    )


@dataclass(frozen=True)
class Schedule:
    facts: Facts
    plan: Plan

    def phase_table(self, number: int) -> Table:
        phase = self.plan.phases[number - 1]
        return table(
            f"{phase.name} task, What, Service, Hours, Start, Slack, Needs",
            (self._task(slot) for slot in phase.slots),
            "No task.",
        )

    def _task(self, slot: Slot) -> tuple[object, ...]:
        task = slot.task
        slack = "critical" if slot.critical else f"{slot.slack} h"
        return (
            task.id,
            text(task.title),
            codes(filter(None, task.service.split(", "))),
            task.hours,
            self._day(slot.start),
            slack,
            self._needs(task),
        )

    def _needs(self, task: Task) -> str:
        """The needs of a task that its phase does not say already."""
        if not task.hours:
            return f"all of phase {task.phase}"
        return ", ".join(need for need in task.needs if not need.startswith("G-")) or NONE

    def _day(self, hours: int) -> str:
        """`2027-01-11`, or `day 3` while no start is answered."""
        if self.plan.timeline.start:
            return self.plan.chart_date(hours)
        return f"day {int(hours // self.plan.team.hours_per_day) + 1}"

    @cached_property
    def rates(self) -> Table:
        return table("Kind, Hours, Basis", ((name, it.hours, it.basis) for name, it in tasks.RATES.items()))

    @property
    def time(self) -> Table:
        given = self.facts.details("timeline")
        words = (
            ("Start", "start"),
            ("Weeks", "weeks"),
            ("Deadline", "deadline"),
            ("Fixed", "fixed"),
        )
        rows = [(label, text(given.get(key), UNKNOWN)) for label, key in words]
        return table("Timeline, Answer", rows if given else ())

    @property
    def people(self) -> Table:
        given = self.facts.details("team")
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
        return (
            f"It takes {made.path_hours} of {made.work_hours} hours. A team of {made.team.size} with "
            f"{made.team.hours_per_day:g} hours a day needs {made.days(made.levelled_hours):g} working "
            f"days for all of it; no team needs less than {made.days(made.path_hours):g}."
        )

    @property
    def buffer_sentence(self) -> str:
        made = self.plan
        return f"The buffer is {made.buffer_days:g} working days ({made.buffer_percent} %), in one piece at the end."

    @cached_property
    def gantt(self) -> diagrams.Diagram:
        return diagrams.gantt(self.plan)


def _team(given: Mapping[str, object]) -> Team:
    hours, days = given.get("hours_per_day"), given.get("days_per_week")
    return Team(
        max(1, _whole(given.get("size"), 1)),
        float(hours) if isinstance(hours, (int, float)) and hours > 0 else 6,
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


def _sensitive(facts: Facts) -> bool:
    value = facts.answer("data_sensitivity").value
    given = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
    return any(item not in ("none", "tbd") for item in given)
