"""Answers as Markdown, by nothing but what their questions say of themselves."""

from __future__ import annotations

from collections.abc import Mapping

from ..gaps import ProjectView
from ..questionnaire import BY_NAME, Question
from .markdown import UNKNOWN, Table, cell, sentence

WORDS = {"gb": "GB", "rps": "requests a second", "sli": "SLI", "cost": "costs"}
"""Parts of names that a heading writes otherwise."""


NAMED = {"service_count_why": "Why this many services", "auto_retry": "Automatic retries"}
"""Questions whose names would read badly before their answers."""


def title(name: str) -> str:
    """The name of a question or of a part as a heading: `growth_gb_month` as `Growth GB month`."""
    words = " ".join(WORDS.get(word, word) for word in name.split("_"))
    return words[:1].upper() + words[1:]


KINDS = {"privacy_obligations": "data_sensitivity"}
"""Lists whose items are named by the choices of another question."""


def body(view: ProjectView, name: str) -> str:
    """A known answer: a table for a list or a table, a sentence for a text or a choice; empty without one."""
    question, answer = BY_NAME[name], view.answer(name)
    if not answer.known:
        return ""
    if question.items:
        return str(listed(view, question))
    if question.table:
        return str(parts(question, view.details(name)))
    return f"{NAMED.get(name, title(name))}: {sentence(chosen(question, answer.value))}"


def listed(view: ProjectView, question: Question) -> Table:
    """The items of a list, with a column for every part that at least one of them has."""
    shape, items = question.items, view.items(question.name)
    if shape is None:
        raise TypeError(f"{question.name} is not a list")
    keys = [key for key in shape.others if any(it.get(key) not in ("", None, ()) for it in items)]
    kinds = BY_NAME[KINDS[question.name]] if question.name in KINDS else question
    rows = (
        (cell(chosen(kinds, it.name)), cell(it.text, UNKNOWN), *(cell(it.get(key)) for key in keys)) for it in items
    )
    return Table(tuple(map(title, (shape.name, shape.text, *keys))), tuple(rows))


def parts(question: Question, given: Mapping[str, object]) -> Table:
    """A table of what is given; what is not is unknown."""
    if question.table is None:
        raise TypeError(f"{question.name} is not a table")
    rows = ((title(key), cell(given.get(key), UNKNOWN)) for key in question.table.keys)
    return Table((title(question.name), "Value"), tuple(rows) if given else ())


def chosen(question: Question, value: object) -> str:
    """What was chosen, as the question offers it; any other value as it is."""
    labels = dict(zip(question.choices, question.labels, strict=False))
    values = value if isinstance(value, tuple) else (value,)
    between = "; " if any("," in label for label in labels.values()) else ", "
    return between.join(labels.get(str(it), str(it)) for it in values)
