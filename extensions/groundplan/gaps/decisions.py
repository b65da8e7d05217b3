"""Rules about decisions: do they have reasons, and do these agree with the answers?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..decisions import How
from ..domain import Item
from ..drivers import RESTS_ON
from ..name_matching import id_part
from ..project_view import ProjectView
from ..questionnaire import REQUIREMENTS
from ..text import all_of, one_of
from .model import DEFER, MUST, Finding, rule

CLEARLY = 3
"""How much more answers must speak for an option before the choice of another wants a word."""


@rule("D05", MUST, "inconsistent", 2)
def sensitivity_undecided(view: ProjectView) -> Iterator[Finding]:
    """The product is open to others, and it is not stated whether its data are sensitive."""
    shared = str(view.answer("distribution").value) in ("partner", "public")
    if shared and view.answer("data_sensitivity").state == "tbd":
        yield Finding(
            "data_sensitivity",
            "the product is for others, and data_sensitivity is not answered",
            "answer data_sensitivity; `none` is an answer",
            "data_sensitivity",
        )


@rule("D08", DEFER, "inconsistent", 2)
def target_without_load(view: ProjectView) -> Iterator[Finding]:
    """A performance target does not say under which load it holds, so no measurement can confirm it."""
    for target in view.items("performance_targets"):
        if not target.get("load"):
            yield Finding(
                view.id("NFR", target.name),
                f'performance target "{target.name}" names no load',
                "give it load: requests per second, users, records",
                "performance_targets",
            )


@rule("D11", DEFER, "missing", 2)
def recovery_target_missing(view: ProjectView) -> Iterator[Finding]:
    """Records are kept, and it is not stated how much of them may be lost or for how long they may be unavailable."""
    kept = [entity.name for entity in view.product.entities.values()]
    answer = view.answer("backup_recovery")
    asked = {"rpo": f"how much of {', '.join(kept[:3])} may be lost", "rto": "for how long it may be away"}
    for name, about in asked.items():
        if kept and answer.state == "value" and view.details("backup_recovery").get(name) in (None, ""):
            yield Finding(name, f"backup_recovery does not say {about}", f"give it {name}, a time", "backup_recovery")


@rule("D12", DEFER, "missing", 3)
def choice_without_reason(view: ProjectView) -> Iterator[Finding]:
    """Somebody chose an option and left no reason of their own."""
    for resolved in view.decisions:
        if resolved.how == How.CHOSEN and not resolved.why:
            name = resolved.decision.id
            yield Finding(
                name,
                f"{name} = {resolved.option.name} was chosen without a reason",
                f"give decision_overrides: {{{name}: {{why: ...}}}}",
                "decision_overrides",
            )


@rule("D13", DEFER, "missing", 3)
def undecided(view: ProjectView) -> Iterator[Finding]:
    """A decision that is close, or dear to change, is proposed by the catalogue, and nobody confirmed it."""
    for resolved in view.decisions:
        if resolved.how in (How.AUTO, How.TBD) and resolved.noteworthy:
            name = resolved.decision.id
            yield Finding(
                name,
                f"{name} = {resolved.option.name} is proposed and confirmed by nobody",
                f"confirm it by answering {name} with {resolved.option.name}, or choose another",
                name,
            )


@rule("D14", DEFER, "inconsistent", 3)
def decision_outdated(view: ProjectView) -> Iterator[Finding]:
    """The answers now speak for another option than the one that was proposed and recorded."""
    for resolved in view.decisions:
        if resolved.better:
            name = resolved.decision.id
            yield Finding(
                name,
                f"{name} = {resolved.option.name} was proposed once; the answers now speak for {resolved.better.name}",
                f"answer {name} with {resolved.better.name}, or with {resolved.option.name} to keep it",
                name,
            )


SHORT = 15
"""Characters of a reason that nobody can argue with: `it is good`."""


@rule("D15", DEFER, "inconsistent", 3)
def reason_says_nothing(view: ProjectView) -> Iterator[Finding]:
    """The reason for a decision is too short to argue with, or repeats its name."""
    for resolved in view.decisions:
        why = resolved.why
        label = resolved.option.label.casefold()
        if why and (len(why) < SHORT or why.casefold().strip(" .") == label):
            name = resolved.decision.id
            yield Finding(
                name,
                f'the reason for {name} is "{why}"',
                "say which fact of this project speaks for it",
                "decision_overrides",
            )


@rule("D17", DEFER, "inconsistent", 3)
def chosen_against_answers(view: ProjectView) -> Iterator[Finding]:
    """An option was chosen although the answers clearly speak for another, and no reason against that one is stated."""
    for resolved in view.decisions:
        scores = dict(resolved.scores)
        best = max(scores, key=lambda name: scores[name], default="")
        ahead = scores.get(best, 0) - scores.get(resolved.option.name, 0)
        if resolved.how == How.CHOSEN and ahead >= CLEARLY and best not in dict(resolved.override.rejected):
            name = resolved.decision.id
            yield Finding(
                name,
                f"{name} = {resolved.option.name} was chosen, and the answers speak for {best}",
                f"say why not: decision_overrides: {{{name}: {{rejected: {{{best}: ...}}}}}}",
                "decision_overrides",
            )


@rule("D18", DEFER, "process", 3)
def chosen_too_early(view: ProjectView) -> Iterator[Finding]:
    """An option was chosen before the answers were there that speak for or against it."""
    for resolved in view.decisions:
        weighed = {name for option in resolved.decision.offered for name, _ in option.drivers}
        asked = dict.fromkeys(answer for name in sorted(weighed) for answer in RESTS_ON[name])
        waiting = [name for name in asked if name in REQUIREMENTS and view.answer(name).state in ("tbd", "defer")]
        if resolved.how == How.CHOSEN and waiting:
            name = resolved.decision.id
            yield Finding(
                name,
                f"{name} = {resolved.option.name} was chosen while {', '.join(waiting)} is open",
                f"answer {waiting[0]}, and look at {name} again",
                waiting[0],
            )


@rule("D19", DEFER, "inconsistent", 3)
def reason_for_no_choice(view: ProjectView) -> Iterator[Finding]:
    """A reason is given for a decision that nobody took, so that it would be attached to any option proposed."""
    for resolved in view.decisions:
        if resolved.how in (How.AUTO, How.TBD) and len(resolved.scores) > 1 and resolved.override.why:
            name = resolved.decision.id
            yield Finding(
                name,
                f"decision_overrides has a reason for {name}, which is left to the catalogue",
                f"answer {name} with the option that the reason is for, e.g. {resolved.option.name}",
                name,
            )


RULED_OUT = re.compile(
    r"\b(no|not|never|nobody|without|neither|except|avoids?|forbids?|instead of|rather than)\b|n't\b", re.IGNORECASE
)
"""The words after which a name in the same clause is of something that must not be; `never without` asks for it."""
CLAUSE = re.compile(r"[.,;:]\s|\bbut\b", re.IGNORECASE)


@rule("D24", MUST, "inconsistent", 3)
def constraint_contradicted(view: ProjectView) -> Iterator[Finding]:
    """A constraint names an option, and the decision went to another; or it rules out the one that was taken."""
    told: set[str] = set()
    for constraint, name, ruled_out in _options_named(view):
        options = [(it, option) for it in view.decisions for option in it.decision.options if name in option.named]
        taken = [it for it, option in options if it.option is option]
        if name in told or ruled_out != bool(taken):
            continue
        told.add(name)
        decided = {it.decision.id: it.option.name for it in taken or [it for it, _ in options]}
        offered = [f"{it.decision.id} with {option.name}" for it, option in options if option.offered]
        if ruled_out:
            fix = f"answer {one_of([*decided])} with another option"
        elif offered:
            fix = f"answer {one_of(offered)}"
        else:
            fix = "accept this gap with what is done instead, as it cannot be chosen yet"
        yield Finding(
            id_part(name),
            f'"{constraint.name}" {"rules out" if ruled_out else "asks for"} {name}, '
            f"and {all_of([f'{decision} is {option}' for decision, option in decided.items()])}",
            f"{fix}, or change the constraint",
            next(iter(decided)),
        )


def _options_named(view: ProjectView) -> Iterator[tuple[Item, str, bool]]:
    """Each name of an option in a constraint that is not negotiable, and whether it is ruled out there."""
    names = {name for it in view.decisions for option in it.decision.options for name in option.named}
    longest_first = sorted(names, key=lambda name: (-len(name), name))  # so that `mutual TLS` is not `TLS`
    pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)
    by_letters = {name.casefold(): name for name in longest_first}
    for constraint in view.items("constraints"):
        for clause in CLAUSE.split(constraint.name) if constraint.get("negotiable") is not True else ():
            for found in pattern.finditer(clause):
                name = by_letters[found[1].casefold()]
                yield constraint, name, len(RULED_OUT.findall(clause, 0, found.start())) % 2 == 1
