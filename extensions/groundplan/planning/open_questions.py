"""How somebody is asked an open question: its words, two to five options, the form of the answer, an example."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from textwrap import dedent

import yaml

from ..answers import Answers, thawed
from ..decisions import How, Resolved
from ..domain import Product
from ..drivers import RESTS_ON, holding, meaning
from ..gaps import BUILT_ON
from ..proposed_access import proposed_lines
from ..questionnaire import BY_NAME, QUESTIONS, Question

MOST = 5
"""Options among which somebody can choose at a glance; what else may be chosen is listed after them."""

PLACES = {it.name: place for place, it in enumerate(QUESTIONS)}

FORMS = {"str": "text", "int": "a whole number", "bool": "true or false", "yaml": "YAML as in the example"}
STATED = "or `tbd`, `not needed: <reason>`, `defer: <what brings it up again>, <who then answers>`, `assume: <value>`"


@dataclass(frozen=True)
class Option:
    """Something to choose, and what speaks for it or comes of it here."""

    value: str
    """What `plan decide` takes, once what stands between `<` and `>` is filled in; empty where all is still to say."""
    label: str
    reason: str


@dataclass(frozen=True)
class OpenQuestion:
    """A question as it is put to somebody."""

    question: str
    """The key that `plan decide` takes."""
    wording: str
    form: str
    example: str
    """An answer of that form."""
    answer: str
    """What is answered today; empty where nothing is."""
    why: bool
    """Whether the answer needs a reason as well."""
    together: tuple[str, ...]
    """Questions without an answer of which this one names things: they are asked first and decided with it."""
    options: tuple[Option, ...]
    """Two to five, what is recommended first."""
    more: tuple[Option, ...]
    """What else may be chosen."""


def open_questions(
    names: Collection[str], answers: Answers, product: Product, decisions: Sequence[Resolved]
) -> Iterator[OpenQuestion]:
    """The open questions of these names; those that name least of what is still to be answered come first."""
    unanswered = {name for name in names if not answers[name].known}
    together = {name: tuple(sorted(_named(name) & unanswered, key=PLACES.__getitem__)) for name in names}
    decided = {it.decision.id: it for it in decisions}
    names = [it for it in names if it not in decided or decided[it].how != How.IDLE]  # there is nothing to decide
    for name in sorted(names, key=lambda it: (len(together[it]), PLACES[it])):
        question, resolved = BY_NAME[name], decided.get(name)
        options = _of_decision(resolved) if resolved else _of_question(question, answers, product)
        yield OpenQuestion(
            question=name,
            wording=resolved.decision.question if resolved else question.question,
            form=_form(question, [it.value for it in options] if resolved else []),
            example=_example(question) or options[0].value,
            answer="" if answers[name].state == "tbd" else _written(answers[name].as_written),
            why=resolved is not None,
            together=together[name],
            options=tuple(options[:MOST]),
            more=tuple(options[MOST:]),
        )


def _named(name: str) -> set[str]:
    """The questions of whose answers an answer names things, and those of which these do, without itself."""
    found: set[str] = set()
    following = [name]
    while following:
        new = BY_NAME[following.pop()].names - found
        found |= new
        following += new
    return found - {name}


def _of_decision(resolved: Resolved) -> list[Option]:
    """The options that go with everything else, best first; and that the catalogue shall propose."""
    scores = dict(resolved.scores)
    ranked = sorted((it for it in resolved.decision.offered if it.name in scores), key=lambda it: -scores[it.name])
    options = [Option(it.name, it.label, f"{it.because}; it costs: {it.cost}") for it in ranked]
    auto = Option("auto", "The catalogue proposes", "what the answers speak for is taken, and asked about again")
    return options if len(options) > 1 else [*options, auto]


def _of_question(question: Question, answers: Answers, product: Product) -> list[Option]:
    """The choices, with what decisions make of them; else an answer in words, or a state in place of one."""
    if question.choices:
        labels = question.labels or question.choices
        pairs = sorted(zip(question.choices, labels, strict=True), key=lambda it: it[0] != question.default)
        return [
            Option(f"[{value}]" if question.many else value, label, _effect(question, value, answers, product))
            for value, label in pairs
        ]
    proposed = proposed_lines(product) if question.name == "access" and not answers["access"].known else []
    confirmed = Option(_written(proposed), "Take what the features need", "all else is closed to callers from outside")
    return [*([confirmed] if proposed else []), *_in_words(question, answers)]


def _effect(question: Question, value: str, answers: Answers, product: Product) -> str:
    """What decisions would go by if this were chosen."""
    chosen: object = (value,) if question.many else value
    held = (it.name for it in holding(answers.with_answer(question.name, chosen), product))
    counts = [meaning(name) for name in held if question.name in RESTS_ON[name]]
    return f"for decisions it then counts that {', and that '.join(counts)}" if counts else "no decision hangs on it"


def _in_words(question: Question, answers: Answers) -> Iterator[Option]:
    """An answer is recommended; a state keeps open, or closes, what is asked."""
    if answers[question.name].known:
        yield Option("", "Put the answer right", "what is answered today leaves the gaps that are listed here")
    else:
        yield Option("", "Answer it", f"documents and plan then say {question.about or 'so'}")
    if not question.about:
        yield Option(_written(answers[question.name].as_written), "Leave it as it is", "the gap stays")
        return
    yield Option("assume: <value>", "Suppose something for now", "work goes on, and somebody confirms it later")
    if question.name not in BUILT_ON:
        yield Option("not needed: <reason>", "It is not needed", "nothing is built or planned for it")
        later = "defer: <what brings it up again>, <who then answers>"
        yield Option(later, "Decide it later", "it comes up again in the plan, with who answers it")


def _form(question: Question, options: Sequence[str]) -> str:
    """How an answer is written."""
    values = options or question.choices
    if values:
        form = f"{'a list of one or more' if question.many else 'one'} of {', '.join(values)}"
    elif shape := question.items or question.table:
        parts = "; ".join(f"{name}: {kind}" for name, kind in shape.parts.items())
        least = f"; at least {shape.name}" if question.items else ""
        form = f"a YAML {'list of mappings' if question.items else 'mapping'} with {parts}{least}"
    else:
        form = FORMS[question.type]
    return f"{form}; {STATED}" if question.about else form


def _example(question: Question) -> str:
    return dedent(question.example) or " ".join(question.help.partition("Example: ")[2].split())


def _written(value: object) -> str:
    """An answer as `plan decide` takes it: text as it is, all else in YAML."""
    return (
        value if isinstance(value, str) else yaml.safe_dump(thawed(value), sort_keys=False, allow_unicode=True).strip()
    )
