"""Rules about requirements: is each answered, in a form that can be built and tested?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..name_matching import id_part, normalized
from ..plan import Calendar
from ..project_view import ProjectView
from .model import DEFER, MUST, Finding, rule

ESSENTIAL = ("concept", "mvp_features", "services", "data_entities", "external_apis")
"""Without an answer to one of these, code would rest on a guess."""

BUILT_ON = ("mvp_features", "services", "data_entities")
"""Code rests on these, so that they cannot be put off."""

VAGUE = re.compile(
    r"\b(fast|quick(?:ly)?|scalable|secure|user[- ]friendly|easy|easily|robust|reliable|(?<!as )soon|flexible"
    r"|efficient(?:ly)?|intuitive|simple|seamless(?:ly)?|high[- ]performance|as needed|etc)\b",
    re.IGNORECASE,
)
NUMBER = re.compile(
    r"\d|\b(none|no|nobody|nothing|never|zero|half|halve|thirds?|quarters?|double|twice|(?<!at )once|every|each|one"
    r"|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|twenty|thirty|forty|fifty|hundred|thousand)\b",
    re.IGNORECASE,
)
EARS = re.compile(r"\b(when|if|while|where|given)\b.+\b(shall|then|must)\b", re.IGNORECASE | re.DOTALL)
ALWAYS = re.compile(r"^\W*the \w[\w -]* shall\b", re.IGNORECASE)
UNWANTED = re.compile(
    r"\b(if|reject\w*|refus\w*|fail\w*|invalid|unknown|error|unavailable|away|expired|missing|cannot|not|no"
    r"|without|unless|denied|denies|deny)\b",
    re.IGNORECASE,
)


@rule("A01", MUST, "missing", 2)
def essential_answer_open(view: ProjectView) -> Iterator[Finding]:
    """An answer is open that code would have to guess."""
    for name in ESSENTIAL:
        if view.answer(name).state == "tbd":
            yield Finding(name, f"{name} is not answered", f"answer {name}", name)


@rule("A02", DEFER, "missing", 2)
def answer_open(view: ProjectView) -> Iterator[Finding]:
    """An answer is open that can wait."""
    for answer in view.asked:
        if answer.state == "tbd" and answer.name not in ESSENTIAL:
            problem = "is empty, which says nothing" if answer.empty else "is not answered"
            fix = f"answer {answer.name}, or say `not needed: <reason>`"
            yield Finding(answer.name, f"{answer.name} {problem}", fix, answer.name)


@rule("A03", DEFER, "missing", 2)
def not_needed_without_reason(view: ProjectView) -> Iterator[Finding]:
    """Something is not needed, and nobody can tell why."""
    for answer in view.asked:
        if answer.state == "not needed" and not answer.reason:
            fix = f"write `not needed: <reason>` as {answer.name}"
            yield Finding(answer.name, f"{answer.name} is not needed, with no reason", fix, answer.name)


@rule("A04", MUST, "missing", 2)
def deferred_without_trigger(view: ProjectView) -> Iterator[Finding]:
    """An answer is deferred to no event or nobody."""
    for answer in view.asked:
        if answer.state == "defer" and not (answer.trigger and answer.owner):
            lacks = "owner" if answer.trigger else "trigger"
            fix = f"write `defer: <trigger>, <owner>` as {answer.name}"
            yield Finding(answer.name, f"{answer.name} is deferred without {lacks}", fix, answer.name)


@rule("A05", DEFER, "missing", 2)
def assumption(view: ProjectView) -> Iterator[Finding]:
    """A value is assumed, and nobody has confirmed it."""
    for answer in view.asked:
        if answer.state == "assume":
            fix = f"confirm {answer.name} by writing the value without `assume:`, or replace it"
            yield Finding(answer.name, f"{answer.name} is an assumption", fix, answer.name)


@rule("A28", MUST, "missing", 2)
def essential_deferred(view: ProjectView) -> Iterator[Finding]:
    """An answer is put off on which all code rests."""
    for name in BUILT_ON:
        if view.answer(name).state == "defer":
            yield Finding(name, f"{name} is deferred, and no code can wait for it", f"answer {name}", name)


@rule("A06", MUST, "missing", 2)
def unknown_persona(view: ProjectView) -> Iterator[Finding]:
    """A feature is for a persona that nobody described."""
    for feature in view.product.features:
        if unknown := [it for it, persona in view.personas_by_feature[feature.id].items() if not persona]:
            yield Finding(
                feature.id,
                f'{feature.id} is for "{unknown[0]}", who is not in personas',
                f'add "{unknown[0]}" to personas, or name one who is there',
                "personas",
            )


@rule("A07", MUST, "missing", 2)
def feature_without_criterion(view: ProjectView) -> Iterator[Finding]:
    """A feature is done when somebody feels so: it has no acceptance criterion."""
    for feature in view.product.features:
        if not feature.criteria:
            yield Finding(
                feature.id,
                f'{feature.id} "{feature.name}" has no acceptance criterion',
                "give it at least one: WHEN <trigger> THE SYSTEM SHALL <response>",
                "mvp_features",
            )


@rule("A08", DEFER, "missing", 2)
def untestable_criterion(view: ProjectView) -> Iterator[Finding]:
    """A criterion names no trigger or no response, so no test can decide it."""
    for feature in view.product.features:
        for criterion in feature.criteria:
            if not (EARS.search(criterion.text) or ALWAYS.search(criterion.text)):
                yield Finding(
                    criterion.id,
                    f'{criterion.id} "{criterion.text}" has no trigger and response',
                    "write WHEN <trigger> THE SYSTEM SHALL <response>",
                    "mvp_features",
                )


@rule("A09", DEFER, "missing", 2)
def only_the_happy_path(view: ProjectView) -> Iterator[Finding]:
    """A feature says what happens when all goes well, and not what happens otherwise."""
    for feature in view.product.features:
        if feature.criteria and not any(UNWANTED.search(c.text) for c in feature.criteria):
            yield Finding(
                feature.id,
                f'{feature.id} "{feature.name}" has no criterion for an unwanted case',
                "add one: IF <unwanted> THEN THE SYSTEM SHALL <response>",
                "mvp_features",
            )


@rule("A10", MUST, "missing", 2)
def metric_without_number(view: ProjectView) -> Iterator[Finding]:
    """A success metric has no target that a measurement could meet."""
    for metric in view.items("success_metrics"):
        if not NUMBER.search(f"{metric.name} {metric.text} {metric.get('unit')}"):
            yield Finding(
                view.id("SM", metric.name),
                f'success metric "{metric.name}" has no number as its target',
                "give a target with its unit",
                "success_metrics",
            )


@rule("A11", DEFER, "missing", 2)
def metric_without_source(view: ProjectView) -> Iterator[Finding]:
    """A success metric does not say what measures it."""
    for metric in view.items("success_metrics"):
        if not metric.get("measured_by"):
            yield Finding(
                view.id("SM", metric.name),
                f'success metric "{metric.name}" does not say what measures it',
                "give measured_by: an endpoint, a log field, a query",
                "success_metrics",
            )


@rule("A13", MUST, "inconsistent", 2)
def in_and_out_of_scope(view: ProjectView) -> Iterator[Finding]:
    """Something is both in the MVP and out of it."""
    features = {normalized(feature.name): feature for feature in view.product.features}
    for question in ("out_of_scope", "future_features"):
        for item in view.items(question):
            if feature := features.get(normalized(item.name)):
                yield Finding(
                    feature.id,
                    f'{feature.id} "{feature.name}" is in the MVP and in {question}',
                    f"take it out of {question} or of mvp_features",
                    question,
                )


@rule("A14", DEFER, "missing", 2)
def vague_word(view: ProjectView) -> Iterator[Finding]:
    """A requirement leans on a word that everybody reads differently, without a number."""
    for subject, text, question in _requirements(view):
        found = VAGUE.search(text)
        if found and not re.search(r"\d", text):
            yield Finding(
                subject,
                f'{subject} says "{found[0]}" without a number',
                f'say how "{found[0]}" is measured, and from which value on',
                question,
            )


def _requirements(view: ProjectView) -> Iterator[tuple[str, str, str]]:
    for feature in view.product.features:
        yield feature.id, f"{feature.name} {feature.outcome}", "mvp_features"
        for criterion in feature.criteria:
            yield criterion.id, criterion.text, "mvp_features"
    for target in view.items("performance_targets"):
        words = f"{target.name} {target.text}"
        yield view.id("NFR", target.name), words, "performance_targets"


@rule("A15", MUST, "inconsistent", 9)
def timeline_disagrees(view: ProjectView) -> Iterator[Finding]:
    """The start, the deadline and the number of weeks cannot all be true."""
    if view.plan is None:
        return
    time, week = view.plan.timeline, Calendar(view.plan.team.days_per_week)
    if not (time.start and time.deadline):
        return
    if time.deadline < time.start:
        message = f"the deadline {time.deadline} is before the start {time.start}"
        yield Finding("deadline", message, "correct one of them in timeline", "timeline")
    elif time.weeks:
        available = week.working_days(time.start, time.deadline)
        stated = time.weeks * week.days_per_week
        if abs(available - stated) > week.days_per_week:
            yield Finding(
                "weeks",
                f"{time.start} to {time.deadline} has {available} working days, {time.weeks:g} weeks have {stated:g}",
                "keep either the deadline or the weeks in timeline, or make them agree",
                "timeline",
            )


@rule("A17", DEFER, "missing", 2)
def sensitive_without_obligation(view: ProjectView) -> Iterator[Finding]:
    """Sensitive data of a kind are kept, and it is not stated what the law requires for them."""
    answer, obligations = view.answer("data_sensitivity"), view.answer("privacy_obligations")
    kinds = answer.value if isinstance(answer.value, tuple) else (answer.value,)
    covered = {item.name for item in view.items("privacy_obligations")}
    for kind in kinds:
        if answer.known and kind != "none" and obligations.known and kind not in covered:
            yield Finding(
                str(kind),
                f"privacy_obligations does not say what is asked for data of the kind {kind}",
                f"add an item with class: {kind}",
                "privacy_obligations",
            )


@rule("A18", DEFER, "missing", 1)
def ambiguity_without_owner(view: ProjectView) -> Iterator[Finding]:
    """Something about the idea is ambiguous, and nobody is there to clear it up."""
    for item in view.items("open_ambiguities"):
        if not item.text:
            yield Finding(id_part(item.name), f'nobody clears up "{item.name}"', "give it an owner", "open_ambiguities")
