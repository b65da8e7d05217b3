"""What prompts show and reject while the questionnaire is being answered, given the answers so far."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from . import generation, history, reading, task_overrides
from .answers import REASON_SUFFIX, Answers, answer_of, bare_state, frozen
from .catalogue import Catalogue, Decision
from .decisions import Advice, advise
from .decisions import read_overrides as read_decision_overrides
from .problems import Problem, Refused, Report
from .questionnaire import BY_NAME, DEPTHS, QUESTIONS, REQUIREMENTS, Question, is_within
from .text import one_of

EMPTY_LIST_ADVICE = "tbd, or not needed: <reason>? An empty list does not say; defer: and assume: are answers, too"
"""The answer to an empty list, which could mean any of the states."""

STATE_LABELS = (
    ("Not known yet", "tbd"),
    ("Not needed: the reason is asked next", "not needed"),
    ("Later: what brings it up again is asked next", "defer"),
    ("Assumed: what you suppose is asked next", "assume"),
)

WIDTH = 76
"""Columns of a prompt's text, legible in a terminal of 80."""

DEFAULTS = {it.name: it.default for it in QUESTIONS if it.about and it.default is not None}
"""The defaults of requirements, assumed until they are asked."""

CHOICE_QUESTIONS = tuple(it.name for it in QUESTIONS if it.states)
"""The requirements that are answered by choosing."""

NO_CHOICES = "[]"
"""Copier then accepts any answer: it was validated before, and computing the choices is expensive."""

LAST_NAMING_QUESTION = "services"
"""The question after which every name that another answer uses must be known."""

T = TypeVar("T")


class LazyMapping(Mapping[str, T], Generic[T]):
    """Values computed on access, which a question reads as `choices.distribution`."""

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
class Prompts:
    """What the next prompt needs of the answers so far."""

    catalogue: Catalogue
    given: Mapping[str, object]
    """The answers so far; in an update, the previous ones for questions that are still to come."""
    validated: bool
    """True if nobody is asked: all answers have been validated then, and nothing is computed for a prompt."""

    @property
    def choices(self) -> Mapping[str, str]:
        """The choices by question, in Copier's form."""
        return LazyMapping(CHOICE_QUESTIONS, self._choices)

    @property
    def has_state(self) -> Mapping[str, bool]:
        """Whether a state was chosen instead of a value, which leads to a further question."""
        return LazyMapping(CHOICE_QUESTIONS, lambda name: bool(bare_state(self.given.get(name))))

    @property
    def state_question(self) -> Mapping[str, str]:
        """The further question about a state that was chosen."""
        return LazyMapping(CHOICE_QUESTIONS, self._state_question)

    @property
    def decisions(self) -> Mapping[str, DecisionPrompt]:
        """What the question of a decision shows."""
        return LazyMapping(
            tuple(it.id for it in self.catalogue.decisions), lambda id: DecisionPrompt(self, self.catalogue[id])
        )

    @cached_property
    def advice(self) -> Advice:
        """What the answers so far speak for, decision by decision."""
        expected = DEFAULTS | dict(self.given)  # questions still to come count with their defaults
        unchosen = history.read(self.given.get("history")).unchosen_options()
        return advise(self.catalogue, Answers(expected), reading.unfinished(expected)[0], unchosen)

    def asks(self, question: Question) -> bool:
        """Whether a question is asked, as far as the answers tell."""
        if question.name.endswith(REASON_SUFFIX):
            return self.has_state[question.name.removesuffix(REASON_SUFFIX)]
        if question.name in self.decisions:
            return self.decisions[question.name].asked
        depth = self.given.get("depth")
        return question.is_asked and (depth not in DEPTHS or is_within(question.depth, str(depth)))

    def answer_error(self, name: str) -> str:
        """How to correct an answer, and what is wrong with it; empty for a valid one.

        The correction comes first, because a terminal of 80 columns shows little more.
        """
        question, value = BY_NAME[name], self.given.get(name)
        try:
            frozen(value)
            question.taken(value)
        except ValueError as wrong:
            return f"{question.fix(value)} ({wrong})"
        if name.endswith(REASON_SUFFIX):
            return self._reason_error(name.removesuffix(REASON_SUFFIX))
        if name in REQUIREMENTS and answer_of(name, frozen(value)).empty:
            return EMPTY_LIST_ADVICE
        problems = (
            *self._problems(complete=name == LAST_NAMING_QUESTION),
            *(self._plan_problems() if name == task_overrides.QUESTION else ()),
        )
        found = (it for it in problems if name == LAST_NAMING_QUESTION or it.question == name)
        return next((f"{it.fix} ({it.answer}: {it.message})" for it in found), "")

    def _problems(self, complete: bool) -> tuple[Problem, ...]:
        """What is wrong so far; names that a later answer may declare count as missing only once `complete`."""
        report = Report()
        read_decision_overrides(self.catalogue, Answers(self.given), report)
        return (*reading.unfinished(self.given, complete, self.catalogue.settings)[1], *report.problems)

    def _plan_problems(self) -> tuple[Problem, ...]:
        """What is wrong with `task_overrides`, given the plan that all other answers lead to."""
        try:
            generation.build(self.given, self.catalogue)
        except Refused as refused:
            return refused.problems
        return ()

    def _reason_error(self, name: str) -> str:
        state, reason = bare_state(self.given.get(name)), str(self.given.get(name + REASON_SUFFIX) or "").strip()
        if not reason:
            return "say it in a few words"
        choices = BY_NAME[name].choices
        if state == "assume" and reason not in choices:
            return f"write {one_of(choices)}"
        return ""

    def _state_question(self, name: str) -> str:
        question = {
            "not needed": "Why is it not needed?",
            "defer": "What brings it up again, and who then answers it?\nExample: the first partner, the product owner",
            "assume": f"What do you suppose? One of\n{one_of(BY_NAME[name].choices)}.",
        }.get(bare_state(self.given.get(name)), "")
        return "\n".join(textwrap.fill(it, WIDTH) for it in question.splitlines())

    def _choices(self, name: str) -> str:
        question = BY_NAME[name]
        if self.validated and not question.many:
            return NO_CHOICES
        pairs = [*zip(question.labels or question.choices, question.choices, strict=True), *STATE_LABELS]
        known = {value for _, value in pairs}
        given = self.given.get(name)
        values = given if isinstance(given, (list, tuple)) else (given,)
        states = (it for it in values if isinstance(it, str) and it not in known and _is_state(question, it))
        pairs += [(literal(it), literal(it)) for it in states]  # as a data file gives it, with its reason
        return json.dumps(pairs)


@dataclass(frozen=True)
class DecisionPrompt:
    """How a decision is asked."""

    prompts: Prompts
    decision: Decision

    @property
    def asked(self) -> bool:
        """At depth `comprehensive`, always; at `standard`, if there is a choice and its group was selected."""
        depth, groups = self.prompts.given.get("depth"), self.prompts.given.get("decide_groups") or ()
        chosen = isinstance(groups, (list, tuple)) and self.decision.group in groups
        return depth == "comprehensive" or (depth == "standard" and chosen and not self.decision.settled)

    @property
    def help(self) -> str:
        """The question, why to choose each option, and what the catalogue recommends because of which answers."""
        best = self.prompts.advice.best(self.decision)
        simple = "the simplest, as no answer speaks against it"
        fallback = simple if best is self.decision.offered[0] else "it goes with what is decided"
        why = self.prompts.advice.because(self.decision) or fallback
        advice = "Nothing else is offered yet." if self.decision.settled else f"Recommended: {best.label} ({why})."
        if self.prompts.advice.is_idle(self.decision):
            advice = f"Nothing to decide as it stands, so leave it to the catalogue. {self.decision.not_applicable}"
        options = (f"  {option.label}: {option.because}" for option in self.decision.offered)
        cost = self.decision.reversal
        later = (f"To change it later touches {cost}.",) if cost else ()
        lines = (self.decision.question, *options, *later, advice)
        return "\n".join(
            textwrap.fill(it, WIDTH, subsequent_indent=" " * (len(it) - len(it.lstrip()) + 2)) for it in lines
        )

    @property
    def choices(self) -> str:
        """The options in Copier's form; one that contradicts other answers is disabled, with the reason."""
        if self.prompts.validated:
            return NO_CHOICES
        pairs: list[list[object]] = [["The catalogue proposes", "auto"]]
        for option in self.decision.offered:
            clash = "" if self._is_given(option.name) else self.prompts.advice.clash_if_chosen(self.decision, option)
            clash = textwrap.shorten(clash, WIDTH - len(option.label) - 8, placeholder="…")
            value = {"value": option.name, "validator": literal(clash)} if clash else option.name
            pairs.append([option.label, value])
        return json.dumps([*pairs, ["To be decided later", "tbd"]])

    def _is_given(self, option: str) -> bool:
        """Whether it is the present answer, which is never disabled: that would reset it silently."""
        return self.prompts.given.get(self.decision.id) == option


def literal(text: str) -> str:
    """A template that renders as exactly this text, braces included."""
    return "{{ " + ascii(text) + " }}"


def _is_state(question: Question, value: str) -> bool:
    try:
        question.taken([value] if question.many else value)
    except ValueError:
        return False
    return True
