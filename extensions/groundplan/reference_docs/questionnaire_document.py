"""The questionnaire as a document: for an interview with a product owner, and to look up what can be decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import dedent, indent

from ..catalogue import Catalogue, Decision
from ..drivers import meaning
from ..questionnaire import Question
from ..text import md
from .answers_files import asked

HEAD = """\
# The questionnaire

<!-- Generated from questions/ and decisions/ by `uv run docs/build.py`. -->

Every question of the guide, in its order, with the name of the answer. E, S or C tells from which depth on it is asked:
express, standard or comprehensive.

A requirement may be answered by a value, or by one of four states: `tbd` (not known yet), `not needed: <reason>`,
`defer: <what brings it up again>, <who then answers it>`, `assume: <what you suppose>`. Where a choice is offered, the
prompts ask for the rest of a state in its own question, `<name>_because`; a data file may say it in one text.

A decision takes one of its options, `auto` (the catalogue proposes, from the answers) or `tbd`. Options that are
planned are described and cannot be chosen yet.
"""


def text(questions: Iterable[Question], catalogue: Catalogue) -> str:
    """The whole document."""
    return HEAD + "".join(_sections(questions, catalogue))


def _sections(questions: Iterable[Question], catalogue: Catalogue) -> Iterator[str]:
    decisions = {decision.id: decision for decision in catalogue.decisions}
    section = ""
    for question in questions:
        if not asked(question, catalogue, "comprehensive"):
            continue
        if question.section != section:
            section = question.section
            yield f"\n## {section}\n"
        depth = "ESC"[[asked(question, catalogue, it) for it in ("express", "standard", "comprehensive")].index(True)]
        yield f"\n### {question.name}\n\n"
        guide = f" · guide {', '.join(question.guide)}" if question.guide else ""
        if decision := decisions.get(question.name):
            yield f"{md(decision.question)} *({depth}{guide})*\n\n{_options(decision)}"
        else:
            yield f"{question.question} *({depth}{guide})*\n{_form(question)}"


def _form(question: Question) -> str:
    """What an answer looks like."""
    lines: list[str] = []
    if question.labels:
        lines += [f"- `{value}`: {md(label)}" for value, label in zip(question.choices, question.labels, strict=True)]
    elif question.choices:
        lines += [f"- `{value}`" for value in question.choices]
    if shape := question.items or question.table:
        lines += ["| part | is |", "| --- | --- |"]
        lines += [f"| `{name}` | {md(kind)} |" for name, kind in shape.parts.items()]
    parts = ["\n".join(lines)] if lines else []
    if question.example:
        parts.append(f"```yaml\n{question.name}:\n{indent(dedent(question.example), '  ').rstrip()}\n```")
    return "".join(f"\n{part}\n" for part in parts)


def _options(decision: Decision) -> str:
    rows = ["| option | | why | costs | speaks for it |", "| --- | --- | --- | --- | --- |"]
    for option in decision.options:
        label = md(option.label) + ("" if option.offered else " (planned)")
        drivers = "; ".join(meaning(name) for name, weight in option.drivers if weight > 0)
        rows.append(f"| `{option.name}` | {label} | {md(option.because)} | {md(option.cost)} | {md(drivers) or '–'} |")
    return "\n".join(rows) + "\n"
