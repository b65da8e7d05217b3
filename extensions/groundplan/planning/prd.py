"""What PRD.md says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from ..answers import Answer, State
from ..domain import Entity, ExternalApi, Feature, Item
from ..gaps import REQUIREMENTS, Gap, ProjectView
from ..provenance import cached_property
from ..questionnaire import BY_NAME
from .acceptance import acceptance_link
from .answers_markdown import chosen
from .markdown import UNKNOWN, Table, cell, code, codes, counted, keeping, sentence, table


@dataclass(frozen=True)
class Prd:
    view: ProjectView
    gaps: tuple[Gap, ...]

    @cached_property
    def summary(self) -> str:
        """What is built for whom, and what tells that it succeeded."""
        features, personas = self.view.product.features, self.view.items("personas")
        if not features:
            return ""
        first = sum(it.priority == "P1" for it in features)
        count = counted(len(features), "requirement", "requirements")
        people = f" for {', '.join(cell(it.name) for it in personas)}" if personas else ""
        metrics = ", ".join(f"{row[0]} {row[1]}" for row in self.metrics.rows)
        success = f" Success is measured by {metrics}." if metrics else ""
        return f"The MVP has {count}{people}; {first} of priority P1.{success}"

    @cached_property
    def goals(self) -> Table:
        features = self.view.product.features
        return table(
            "Goal, For, Requirement, Priority, Shown by",
            (
                (cell(it.outcome or it.name), cell(it.persona, UNKNOWN), it.id, cell(it.priority), self._shown_by(it))
                for it in features
            ),
        )

    def _shown_by(self, feature: Feature) -> str:
        """The metrics that validate a feature, by its name or its id."""
        named = {feature.name.casefold(), feature.id.casefold()}
        metrics = self.view.items("success_metrics")
        return ", ".join(self.view.id("SM", it.name) for it in metrics if named & set(_names(it.get("validates"))))

    @cached_property
    def non_goals(self) -> Table:
        items = self.view.items("out_of_scope")
        return table(
            "Left out, Why, Revisit",
            ((cell(it.name), cell(it.text, UNKNOWN), cell(it.get("revisit"))) for it in items),
        )

    @cached_property
    def personas(self) -> Table:
        items = self.view.items("personas")
        return table(
            "Persona, Goal, How often, Administers, Features",
            (
                (
                    cell(it.name),
                    cell(it.text, UNKNOWN),
                    cell(it.get("frequency"), UNKNOWN),
                    cell(it.get("is_admin")),
                    self._for(it.name),
                )
                for it in items
            ),
        )

    def _for(self, persona: str) -> str:
        return ", ".join(id for id, named in self.view.personas_by_feature.items() if persona in named.values())

    @cached_property
    def requirements(self) -> Table:
        return table(
            "Id, Requirement, Priority, Services, Criteria, Tests",
            (
                (
                    it.id,
                    cell(it.name),
                    cell(it.priority),
                    codes(it.services),
                    len(it.criteria),
                    acceptance_link(it, it.id, "../"),
                )
                for it in self.view.product.features
            ),
        )

    def story(self, feature: Feature) -> str:
        """Who wants a feature, and what for. The names stay as they are, whatever their grammar."""
        who = f"**{cell(feature.persona)}**" if feature.persona else f"somebody (`persona` is {UNKNOWN})"
        why = sentence(feature.outcome) if feature.outcome else f"its `outcome` is {UNKNOWN}."
        return f"As {who}: *{cell(feature.name)}*, so that {why}"

    @cached_property
    def technical(self) -> Table:
        asked = (
            ("Language", "python_version"),
            ("Distribution", "distribution"),
            ("Channels", "interaction_channels"),
            ("Runs on", "deploy_target"),
        )
        answers = ((label, self.view.answer(name)) for label, name in asked)
        return table(
            "What, Required, Answer",
            ((label, _required(it), code(it.name)) for label, it in answers),
        )

    @cached_property
    def constraints(self) -> Table:
        return table(
            "Fixed already, By, Negotiable",
            (
                (cell(it.name), cell(it.text, UNKNOWN), cell(it.get("negotiable"), UNKNOWN))
                for it in self.view.items("constraints")
            ),
        )

    @cached_property
    def targets(self) -> Table:
        return table(
            "Id, What, Measure, Target, Load, Scope, Verified by",
            (
                (
                    (id := self.view.id("NFR", it.name)),
                    cell(it.name),
                    cell(it.get("metric"), UNKNOWN),
                    quantity(it.text, it.get("unit")),
                    cell(it.get("load"), UNKNOWN),
                    cell(it.get("scope")),
                    f"T-{id}, under this load" if it.get("load") else f"T-{id}, load {UNKNOWN}",
                )
                for it in self.view.items("performance_targets")
            ),
        )

    @cached_property
    def data(self) -> Table:
        product = self.view.product
        holders = {
            name: [it.name for it in product.services if any(copy.entity == name for copy in it.copies)]
            for name in product.entities
        }
        return table(
            "Entity, Owner, Fields, Copies in",
            (
                (code(it.name), code(it.service), _fields(it), codes(holders[it.name]))
                for it in product.entities.values()
            ),
            "" if self.view.answer("data_entities").state in ("tbd", "defer") else "The product keeps no records.",
        )

    @cached_property
    def sensitivity(self) -> str:
        value = self.view.answer("data_sensitivity").value
        return f"Sensitive data: {cell(lower(shown('data_sensitivity', value)))}." if value else ""

    @cached_property
    def on_record(self) -> str:
        """Of which records it is known who changed them; empty if of none."""
        audited = [it.name for it in self.view.product.entities.values() if it.audited]
        return f"It is on record who changes {codes(audited)}, and how." if audited else ""

    @cached_property
    def kept(self) -> str:
        """Which records are not kept for good; empty if all are."""
        return keeping(self.view.product.entities.values())

    @cached_property
    def backup(self) -> Table:
        given = self.view.details("backup_recovery")
        words = (
            ("Data loss (RPO)", "rpo"),
            ("Recovery (RTO)", "rto"),
            ("Method", "method"),
            ("Restore tested every", "restore_test_every"),
        )
        rows = [(label, cell(given.get(key), UNKNOWN)) for label, key in words]
        return table("Backup, Answer", rows if given else ())

    @cached_property
    def external(self) -> Table:
        return table(
            "API, Purpose, Used by, Critical, Timeout, While unavailable",
            (_external(api) for api in self.view.product.external_apis),
        )

    @cached_property
    def metrics(self) -> Table:
        return table(
            "Id, Metric, Baseline, Target, By, Measured by, Validates, Not at the cost of",
            (
                (
                    self.view.id("SM", it.name),
                    cell(it.name),
                    _baseline(it),
                    quantity(it.text, it.get("unit")),
                    cell(it.get("by"), UNKNOWN),
                    cell(it.get("measured_by"), UNKNOWN),
                    cell(it.get("validates")),
                    cell(it.get("counter_metric")),
                )
                for it in self.view.items("success_metrics")
            ),
        )

    @cached_property
    def exits(self) -> tuple[str, ...]:
        """When the MVP is done, as things that a command or a measurement shows."""
        return tuple(self._exits())

    def _exits(self) -> Iterator[str]:
        first = [it for it in self.view.product.features if it.priority == "P1"]
        if count := sum(len(it.criteria) for it in first):
            ids = ", ".join(it.id for it in first if it.criteria)
            criteria = "The acceptance criterion" if count == 1 else f"The {count} acceptance criteria"
            yield f"{criteria} of {ids} pass{'es' if count == 1 else ''} without an xfail mark."
        for row in self.targets.rows:
            measure, load = (f"{cell} " if cell != UNKNOWN else "" for cell in (row[2], row[4]))
            yield f"{row[0]} is measured: {measure}{row[3]}{f' at {load.strip()}' if load else ''}."
        if must := len([gap.id for gap in self.gaps if gap.must]):
            gaps = "gap to resolve before coding is" if must == 1 else f"{must} gaps to resolve before coding are"
            yield f"The {gaps} resolved ([GapReport](GapReport.md))."

    @cached_property
    def risks(self) -> Table:
        return table(
            "Id, Risk, Kind, Likelihood, Impact, Mitigation, Trigger, Owner",
            (
                (
                    self.view.id("RISK", it.name),
                    cell(it.name),
                    *(cell(it.get(key), UNKNOWN) for key in ("kind", "likelihood", "impact")),
                    cell(it.text, UNKNOWN),
                    *(cell(it.get(key), UNKNOWN) for key in ("trigger", "owner")),
                )
                for it in self.view.items("risks")
            ),
        )

    @cached_property
    def assumptions(self) -> Table:
        """What the project rests on without anybody having confirmed or decided it."""
        words = {
            "assume": "assumed; nobody confirmed it",
            "defer": "deferred ({trigger}); {owner} then answers it",
        }
        return table(
            "Answer, Stands as",
            (
                (
                    code(it.name),
                    words[it.state].format(trigger=cell(it.trigger, UNKNOWN), owner=cell(it.owner, UNKNOWN)),
                )
                for it in self.view.asked
                if it.state in words
            ),
            "No answer is assumed or deferred.",
        )

    @cached_property
    def questions(self) -> Table:
        """Open questions, each with the gap that it closes; the essential ones first."""
        open_ = sorted((gap for gap in self.gaps if gap.rule in ("A01", "A02")), key=lambda gap: not gap.must)
        return table(
            "Gap, Question, About, When",
            ((gap.id, code(gap.question), cell(REQUIREMENTS[gap.question]), _when(gap)) for gap in open_),
            f"All {len(list(self.view.asked))} questions of the questionnaire are answered.",
        )

    @cached_property
    def glossary(self) -> Table:
        return table(
            "Term, Means, Not called",
            ((cell(it.name), cell(it.text, UNKNOWN), cell(it.get("not_called"))) for it in self.view.items("glossary")),
        )

    @cached_property
    def record(self) -> Table:
        """Every question by the state of its answer; what an answer says has its home elsewhere in Planning."""
        asked = tuple(self.view.asked)
        rows = ((state, [it for it in asked if it.state == state]) for state in get_args(State))
        return table("State, Questions", ((state, _listed(answers)) for state, answers in rows if answers))


def _baseline(metric: Item) -> str:
    """What a metric is today: a bare number is of the unit that is aimed at."""
    value = metric.get("baseline")
    return quantity(value, metric.get("unit") if re.fullmatch(r"[\d.,]+", str(value)) else "")


def quantity(value: object, unit: object) -> str:
    return f"{cell(value)} {cell(unit, '')}".strip() if value not in (None, "") else UNKNOWN


def _required(answer: Answer) -> str:
    """A choice, or the state that it is in."""
    statements = {"not needed": f"not needed: {answer.reason}", "defer": f"deferred: {answer.trigger}"}
    return cell(statements.get(answer.state) or shown(answer.name, answer.value), UNKNOWN)


def shown(question: str, value: object) -> str:
    """A value as its question offers it; nothing for none."""
    return chosen(BY_NAME[question], value) if value not in (None, "") else ""


def _when(gap: Gap) -> str:
    if gap.waived:
        return f"waived until {gap.waived_until}"
    return "before coding" if gap.must else "can wait"


def _external(api: ExternalApi) -> tuple[str, ...]:
    timeout = f"{api.timeout_s:g} s" if api.timeout_s is not None else UNKNOWN
    critical = "yes" if api.critical else "no"
    return (
        code(api.name),
        cell(api.purpose, UNKNOWN),
        codes(api.used_by),
        critical,
        timeout,
        cell(api.fallback, UNKNOWN),
    )


def _fields(entity: Entity) -> str:
    together = (f"unique({', '.join(names)})" for names in entity.unique_together)
    return ", ".join(map(code, (*map(str, entity.fields), *together)))


def _names(value: object) -> list[str]:
    return [str(it).casefold() for it in (value if isinstance(value, (tuple, list)) else [value])]


def lower(words: str) -> str:
    """Labels as they stand inside a sentence."""
    return ", ".join(word[:1].lower() + word[1:] for word in words.split(", "))


def _listed(answers: list[Answer]) -> str:
    """Questions in a cell, those with a reason a line each."""
    if not any(it.reason for it in answers):
        return codes(it.name for it in answers)
    return "<br>".join(f"{code(it.name)}: {cell(it.reason, UNKNOWN)}" for it in answers)
