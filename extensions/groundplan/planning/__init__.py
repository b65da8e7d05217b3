"""What the planning documents say: everything that their templates loop over, and the model that the checker reads."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .. import diagrams, gaps, tasks
from ..domain import Feature, Service
from ..gaps import REQUIREMENTS, Facts, Gap
from ..plan import Plan, Slot, Team, Timeline
from ..tasks import Named, Scope, Task
from ..text import line
from . import model
from .architecture import Architecture
from .markdown import NONE, UNKNOWN, Table, code, codes, fence, sentence, table, text
from .prd import Prd, acceptance_file
from .records import Records
from .specification import Specification

if TYPE_CHECKING:
    from ..project import EnvVar, Project

__all__ = ["Acceptance", "Planning", "Table"]


@dataclass(frozen=True)
class AcceptanceTest:
    """The test of a criterion."""

    id: str
    text: str

    @property
    def function(self) -> str:
        return f"test_{self.id.lower().replace('-', '_')}"

    @property
    def lines(self) -> list[str]:
        """The criterion as lines of a comment."""
        return textwrap.wrap(line(self.text), 94, break_long_words=False, break_on_hyphens=False)


@dataclass(frozen=True)
class Acceptance:
    """The owned test file of a feature."""

    feature: Feature

    @property
    def path(self) -> str:
        return acceptance_file(self.feature)

    @property
    def module(self) -> str:
        return self.path.removeprefix("tests/acceptance/").removesuffix(".py")

    @property
    def tests(self) -> tuple[AcceptanceTest, ...]:
        return tuple(AcceptanceTest(it.id, it.text) for it in self.feature.criteria)


@dataclass(frozen=True)
class Planning:
    project: Project

    @cached_property
    def _asked(self) -> Facts:
        """The facts without the plan, which is made from what they show."""
        project = self.project
        return Facts(project.answers, project.product, project.lists, project.decisions, project.history.id)

    @cached_property
    def facts(self) -> Facts:
        facts = self._asked
        return Facts(facts.answers, facts.product, facts.lists, facts.decisions, facts.id, self.plan)

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        return gaps.find(self.facts)

    @cached_property
    def plan(self) -> Plan:
        facts = self._asked
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
            max(0, _whole(facts.answer("buffer_percent").value, 20)),
            blockers=len(blockers),
            deciders=_words(facts.answer("decision_makers").value),
        )

    @cached_property
    def records(self) -> Records:
        return Records(self.project.history, self.project.decisions)

    @cached_property
    def prd(self) -> Prd:
        return Prd(self.facts, self.gaps)

    @cached_property
    def architecture(self) -> Architecture:
        return Architecture(self.facts, self.records, self.project.processes)

    @cached_property
    def specifications(self) -> tuple[Specification, ...]:
        return tuple(
            Specification(
                self.facts,
                service,
                self.project.url(service.name),
                tuple(it for it in self.project.environment if self._reads(service, it)),
            )
            for service in self.project.product.services
        )

    @cached_property
    def courses(self) -> Table:
        """What happens across services, and where it is drawn."""
        return table(
            "What happens across services, Drawn in",
            (
                (text(diagram.title), f"[{it.name}](ServiceSpecifications/{it.name}.md#at-run-time)")
                for it in self.specifications
                for diagram in it.sequences
            ),
            "No service calls or hears another.",
        )

    def _reads(self, service: Service, setting: EnvVar) -> bool:
        """Whether a setting is a service's own, everybody's, or of an external API that it uses."""
        if setting.service:
            return setting.service == service.name
        apis = self.project.product.external_apis
        others = [it.env for it in apis if service.name not in it.used_by]
        return not any(setting.name in (f"{env}_URL", f"{env}_KEY") for env in others)

    @cached_property
    def acceptance(self) -> tuple[Acceptance, ...]:
        """The test files of the features that say what is accepted."""
        return tuple(Acceptance(it) for it in self.project.product.features if it.criteria)

    def note(self, question: str) -> str:
        """What is said in place of an answer, or about one that nobody confirmed; empty for a plain value."""
        answer = self.facts.answer(question)
        about = text(REQUIREMENTS[question][1])
        match answer.state:
            case "tbd":
                id = next((gap.id for gap in self.gaps if gap.question == question and gap.rule < "A03"), "")
                return f"**Open** ({id}): {about}. Answer `{question}`."
            case "not needed":
                return f"Not needed: {sentence(answer.reason or 'no reason given')}"
            case "defer":
                trigger, owner = text(answer.trigger, "nobody said when"), text(answer.owner, "nobody")
                return f"**Deferred** until {trigger}; {owner} then answers `{question}`: {about}."
            case "assume":
                return f"**Assumed**: nobody has confirmed `{question}` yet."
        return ""

    def section(self, question: str, *parts: object) -> str:
        """A section's body: the parts that have something to say, after the state of its answer."""
        said = (self.note(question), *(str(part) for part in parts if part))
        return "\n\n".join(filter(None, said))

    @cached_property
    def must(self) -> tuple[Gap, ...]:
        return tuple(gap for gap in self.gaps if gap.must)

    @cached_property
    def deferrable(self) -> tuple[Gap, ...]:
        return tuple(gap for gap in self.gaps if not gap.must)

    def gap_table(self, found: tuple[Gap, ...]) -> Table:
        return table(
            "Gap, Finding, Fix, Answer",
            ((it.id, text(it.message), text(it.fix), code(it.question)) for it in found),
            "None.",
        )

    @cached_property
    def future(self) -> Table:
        later = (*self.facts.items("future_features"),)
        return table(
            "Feature, Why later, Looked at again",
            ((text(it.name), text(it.text, "unknown"), text(it.get("revisit"), "unknown")) for it in later),
        )

    @cached_property
    def trace(self) -> Table:
        """Requirement, where it is built, what it is done by, and what proves it."""
        return table(
            "Requirement, Services, Endpoints, Events, Task, Tests",
            (
                (
                    f"{it.id} {text(it.name)}",
                    codes(it.services),
                    codes(f"/v1/{entity.collection}" for entity in model.touched(self.facts.product, it)),
                    codes(model.told(self.facts.product, it)),
                    f"T-{it.id}",
                    f"[{len(it.criteria)} criteria](../{acceptance_file(it)})" if it.criteria else "unknown",
                )
                for it in self.facts.product.features
            ),
        )

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

    @property
    def left_out(self) -> Table:
        """What is out of scope and yet has a time to be looked at again."""
        items = (it for it in self.facts.items("out_of_scope") if it.get("revisit"))
        return table(
            "Left out of the MVP, Looked at again",
            ((text(it.name), text(it.get("revisit"))) for it in items),
            "Nothing that is left out has a time at which it is looked at again.",
        )

    @cached_property
    def yours(self) -> Table:
        """The owned files of code and tests, with what goes into each."""
        return table("File, Takes", self._yours(), "Nothing yet: no entity, reaction or criterion is answered.")

    def _yours(self) -> Iterator[tuple[str, str]]:
        for service in self.project.product.services:
            folder = f"services/{service.name}"
            for entity in service.entities:
                yield _file(f"{folder}/{entity.snake}.py"), f"the rules of {code(entity.name)}"
            for it in service.reactions:
                rules = f"what {code(it.event)} means for {code(it.creates)}"
                yield _file(f"{folder}/{it.snake}.py"), rules
        for acceptance in self.acceptance:
            feature = acceptance.feature
            yield _file(acceptance.path), f"the criteria of {feature.id} {text(feature.name)}"

    @cached_property
    def confirmations(self) -> Table:
        """How each decision is confirmed."""
        return table(
            "Decision, Confirmed by",
            ((self.records.link(it), text(it.confirmed_by)) for it in self.project.decisions if it.confirmed_by),
        )

    @cached_property
    def libraries(self) -> Table:
        return table(
            "Package, For",
            ((code(it.spec), text(it.why)) for it in self.project.dependencies),
        )

    @cached_property
    def gantt(self) -> diagrams.Diagram:
        return diagrams.gantt(self.plan)

    def diagram(self, it: diagrams.Diagram) -> str:
        """A diagram in a document."""
        return fence("mermaid", it.source)

    @cached_property
    def model_json(self) -> str:
        """What the project's checker reads."""
        return model.dump(self)


def _file(path: str) -> str:
    """A link from Planning to a file of the project."""
    return f"[{code(path)}](../{path})"


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
