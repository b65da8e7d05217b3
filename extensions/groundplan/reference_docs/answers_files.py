"""Answers files to fill in, one per depth: every question as a comment, with its default as the answer."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Iterator

import yaml

from ..catalogue import Catalogue
from ..questionnaire import Question, is_within

WIDTH = 100

HEAD = """\
# yaml-language-server: $schema=answers.schema.json
# Answers for groundplan, {depth}: fill in, then generate with `copier copy --trust --defaults --data-file <this file>`.
# In place of a requirement's answer you may say `tbd`, `not needed: <reason>`,
# `defer: <what brings it up again>, <who then answers it>` or `assume: <what you suppose>`, in quotes.
# A decision takes one of its options, `auto` (the catalogue proposes) or `tbd`.
"""

BUTTON = """\
# yaml-language-server: $schema=docs/answers.schema.json
# For a repository made by "Use this template": answer here, and commit. The workflow "Make the project" then replaces
# all that is here by the project of these answers; README.md tells more of it ("Use this template").
# What you do not know yet stays `tbd`: the project asks again (`plan next`). More questions are in docs/.
# You may also say `not needed: <reason>`, `defer: <what brings it up again>, <who then answers it>` or
# `assume: <what you suppose>`, in quotes.
"""

TO_SAY = ("project_name", "concept")
"""What has no answer until somebody gives one, so that no project is made of examples."""

FIRST = {"project_name": "Bookshop"}
"""What stands where there is no default."""


def example(questions: Iterable[Question], catalogue: Catalogue, depth: str) -> str:
    """The questions that are asked at a depth, as an answers file."""
    return HEAD.format(depth=depth) + "".join(_entries(questions, catalogue, depth))


def to_fill_in(questions: Iterable[Question], catalogue: Catalogue) -> str:
    """The questions that shape the product, as the answers file of the button."""
    return BUTTON + "".join(_entries(questions, catalogue, "express", TO_SAY))


def asked(question: Question, catalogue: Catalogue, depth: str) -> bool:
    """Whether a question may be asked at a depth: a decision with a choice from standard on, one without at last."""
    if question.when or question.ask == "False":
        return False
    decision = next((it for it in catalogue.decisions if it.id == question.name), None)
    first = question.depth if decision is None else "comprehensive" if decision.settled else "standard"
    return is_within(first, depth)


def _entries(
    questions: Iterable[Question], catalogue: Catalogue, depth: str, to_say: Collection[str] = ()
) -> Iterator[str]:
    section = ""
    for question in questions:
        if not asked(question, catalogue, depth):
            continue
        if question.section != section:
            section = question.section
            yield f"\n# ━━━ {section} ━━━\n"
        yield "\n" + "".join(f"# {line}".rstrip() + "\n" for line in _comment(question, catalogue))
        yield f"{question.name}:\n" if question.name in to_say else _answer(question, depth)


def _comment(question: Question, catalogue: Catalogue) -> Iterator[str]:
    decision = next((it for it in catalogue.decisions if it.id == question.name), None)
    yield from (decision.question if decision else question.help.partition("Example")[0]).splitlines()
    if question.example:
        yield "Example:"
        yield from question.example.splitlines()
    if decision:
        for option in decision.offered:
            yield from textwrap.wrap(
                f"{option.name}: {option.because}", WIDTH, initial_indent="  ", subsequent_indent="    "
            )
    else:
        for choice, label in zip(question.choices, question.labels or question.choices, strict=True):
            yield f"  {choice}: {label}" if label != choice else f"  {choice}"


def _answer(question: Question, depth: str) -> str:
    value = question.default
    if question.name == "depth":
        value = depth
    elif question.name in FIRST:
        value = FIRST[question.name]
    elif question.required:
        value = " ".join(question.help.partition("Example: ")[2].split())
    elif question.about and value in (None, ""):
        value = "tbd"
    elif isinstance(value, str) and "{{" in value:
        return f"# {question.name}: made from project_name\n"
    return yaml.safe_dump({question.name: value}, sort_keys=False, allow_unicode=True, width=WIDTH)
