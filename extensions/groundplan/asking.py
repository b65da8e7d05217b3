"""What prompts show and refuse while the questionnaire is being answered, from the answers so far."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from . import history, overrides, project, reading
from .answers import REASON, Answers, answer_of, bare, frozen
from .catalogue import Catalogue, Decision
from .decisions import Advice, advise
from .decisions import overrides as reasons
from .problems import Problem, Refused, Report
from .questionnaire import BY_NAME, DEPTHS, QUESTIONS, REQUIREMENTS, Question, is_within
from .text import one_of

EMPTY = "tbd, or not needed: <reason>? An empty list does not say; defer: and assume: are answers, too"
"""What is said to whoever gives an empty list: which of the states is meant?"""

STATE_LABELS = (
    ("Not known yet", "tbd"),
    ("Not needed: the reason is asked next", "not needed"),
    ("Later: what brings it up again is asked next", "defer"),
    ("Assumed: what you suppose is asked next", "assume"),
)

WIDTH = 76
"""Columns of a prompt's text, so that it is legible in a terminal of 80."""

DEFAULTS = {it.name: it.default for it in QUESTIONS if it.about and it.default is not None}
"""What requirements are taken for until they are asked."""

SELECTS = tuple(it.name for it in QUESTIONS if it.states)
"""The requirements that are answered by a choice."""

NO_CHOICES = "[]"
"""With these Copier takes any answer: it was checked before, and making choices takes longer than all else."""

LAST = "services"
"""The question after which every name that another answer uses must be there."""

T = TypeVar("T")


class ByName(Mapping[str, T], Generic[T]):
    """Values that are made when somebody asks for them: what a stanza reads as `choices.distribution`."""

    def __init__(self, names: tuple[str, ...], make: Callable[[str], T]) -> None:
        self._names, self._make = names, make

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class Asking:
    """The answers so far, as the next prompt needs them."""

    catalogue: Catalogue
    given: Mapping[str, object]
    """The answers so far; in an update those of the last time for the questions that come later."""
    checked: bool
    """True where nobody is asked: all answers have been checked then, and nothing is computed for a prompt."""

    @property
    def choices(self) -> Mapping[str, str]:
        """What may be chosen, by question, as Copier reads it."""
        return ByName(SELECTS, self._choices)

    @property
    def stated(self) -> Mapping[str, bool]:
        """Whether a state was chosen in place of a value, so that something is asked about it."""
        return ByName(SELECTS, lambda name: bool(bare(self.given.get(name))))

    @property
    def because(self) -> Mapping[str, str]:
        """What is asked about a state that was chosen."""
        return ByName(SELECTS, self._because)

    @property
    def decisions(self) -> Mapping[str, Prompt]:
        """What the stanza of a decision shows."""
        return ByName(tuple(it.id for it in self.catalogue.decisions), lambda id: Prompt(self, self.catalogue[id]))

    @cached_property
    def advice(self) -> Advice:
        """What the answers so far speak for."""
        expected = DEFAULTS | dict(self.given)  # what is asked later counts by what it is if nobody says otherwise
        kept = history.read(self.given.get("history")).kept()
        return advise(self.catalogue, Answers(expected), reading.unfinished(expected)[0], kept)

    def asks(self, question: Question) -> bool:
        """Whether somebody is asked a question, as far as the answers tell."""
        if question.name.endswith(REASON):
            return self.stated[question.name.removesuffix(REASON)]
        if question.name in self.decisions:
            return self.decisions[question.name].asked
        depth = self.given.get("depth")
        return question.is_asked and (depth not in DEPTHS or is_within(question.depth, str(depth)))

    def fault(self, name: str) -> str:
        """How to mend an answer, and what is wrong with it; empty when it can be taken.

        The mend comes first, because a terminal of 80 columns shows little more.
        """
        question, value = BY_NAME[name], self.given.get(name)
        try:
            frozen(value)
            question.taken(value)
        except ValueError as wrong:
            return f"{question.fix(value)} ({wrong})"
        if name.endswith(REASON):
            return self._fault_in_reason(name.removesuffix(REASON))
        if name in REQUIREMENTS and answer_of(name, frozen(value)).empty:
            return EMPTY
        problems = (*self._problems(complete=name == LAST), *(self._in_plan() if name == overrides.QUESTION else ()))
        found = (it for it in problems if name == LAST or it.question == name)
        return next((f"{it.fix} ({it.answer}: {it.message})" for it in found), "")

    def _problems(self, complete: bool) -> tuple[Problem, ...]:
        """What is wrong so far; names that a later answer may bring are not missed before they are `complete`."""
        report = Report()
        reasons(self.catalogue, Answers(self.given), report)
        return (*reading.unfinished(self.given, complete, self.catalogue.settings)[1], *report.problems)

    def _in_plan(self) -> tuple[Problem, ...]:
        """What is wrong with the tasks of the answers beside those that all other answers lead to."""
        try:
            project.build(self.given, self.catalogue)
        except Refused as refused:
            return refused.problems
        return ()

    def _fault_in_reason(self, name: str) -> str:
        state, said = bare(self.given.get(name)), str(self.given.get(name + REASON) or "").strip()
        if not said:
            return "say it in a few words"
        choices = BY_NAME[name].choices
        if state == "assume" and said not in choices:
            return f"write {one_of(choices)}"
        return ""

    def _because(self, name: str) -> str:
        said = {
            "not needed": "Why is it not needed?",
            "defer": "What brings it up again, and who then answers it?\nExample: the first partner, the product owner",
            "assume": f"What do you suppose? One of\n{one_of(BY_NAME[name].choices)}.",
        }.get(bare(self.given.get(name)), "")
        return "\n".join(textwrap.fill(it, WIDTH) for it in said.splitlines())

    def _choices(self, name: str) -> str:
        question = BY_NAME[name]
        if self.checked and not question.many:
            return NO_CHOICES
        pairs = [*zip(question.labels or question.choices, question.choices, strict=True), *STATE_LABELS]
        known = {value for _, value in pairs}
        said = self.given.get(name)
        values = said if isinstance(said, (list, tuple)) else (said,)
        stated = (it for it in values if isinstance(it, str) and it not in known and _is_stated(question, it))
        pairs += [(literal(it), literal(it)) for it in stated]  # as a data file says it, reason and all
        return json.dumps(pairs)


@dataclass(frozen=True)
class Prompt:
    """How a decision is asked."""

    asking: Asking
    decision: Decision

    @property
    def asked(self) -> bool:
        """All of them in a comprehensive run; in a standard one those with a choice, in the groups that were named."""
        depth, groups = self.asking.given.get("depth"), self.asking.given.get("decide_groups") or ()
        chosen = isinstance(groups, (list, tuple)) and self.decision.group in groups
        return depth == "comprehensive" or (depth == "standard" and chosen and not self.decision.settled)

    @property
    def help(self) -> str:
        """The question, what each option is good for, and what the catalogue recommends on which answers."""
        best = self.asking.advice.best(self.decision)
        simple = "the simplest, as no answer speaks against it"
        otherwise = simple if best is self.decision.offered[0] else "it goes with what is decided"
        why = self.asking.advice.because(self.decision) or otherwise
        advice = "Nothing else is offered yet." if self.decision.settled else f"Recommended: {best.label} ({why})."
        if self.asking.advice.is_idle(self.decision):
            advice = f"Nothing to decide as it stands, so leave it to the catalogue. {self.decision.otherwise}"
        options = (f"  {option.label}: {option.because}" for option in self.decision.offered)
        cost = self.decision.reversal
        later = (f"To change it later touches {cost}.",) if cost else ()
        lines = (self.decision.question, *options, *later, advice)
        return "\n".join(
            textwrap.fill(it, WIDTH, subsequent_indent=" " * (len(it) - len(it.lstrip()) + 2)) for it in lines
        )

    @property
    def choices(self) -> str:
        """The options as Copier reads them; one that contradicts what is answered is shown with the reason."""
        if self.asking.checked:
            return NO_CHOICES
        pairs: list[list[object]] = [["The catalogue proposes", "auto"]]
        for option in self.decision.offered:
            clash = "" if self._stays(option.name) else self.asking.advice.clash_if_chosen(self.decision, option)
            clash = textwrap.shorten(clash, WIDTH - len(option.label) - 8, placeholder="…")
            value = {"value": option.name, "validator": literal(clash)} if clash else option.name
            pairs.append([option.label, value])
        return json.dumps([*pairs, ["To be decided later", "tbd"]])

    def _stays(self, option: str) -> bool:
        """Whether it is not greyed: what was answered before is refused with all else, and never reset in silence."""
        return self.asking.given.get(self.decision.id) == option


def literal(text: str) -> str:
    """A template that renders as exactly this text, whatever braces are in it."""
    return "{{ " + ascii(text) + " }}"


def _is_stated(question: Question, value: str) -> bool:
    try:
        question.taken([value] if question.many else value)
    except ValueError:
        return False
    return True
