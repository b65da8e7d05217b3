"""Pieces of Markdown that are data: tables, code and diagrams."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ..domain import Entity
from ..provenance import QuestionNames, track, tracking
from ..text import all_of, line, md

NONE = "–"
"""A cell with nothing in it that is meant to be empty."""
UNKNOWN = "unknown"
"""A cell whose answer is missing."""


@dataclass(frozen=True)
class Table:
    """Rows of Markdown cells. A document shows it, and the project's checker compares the document with it."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = ""
    """What stands in place of a table without rows."""
    because_of: QuestionNames = field(default=frozenset(), compare=False)
    """The questions whose answers its rows were made from."""

    def __bool__(self) -> bool:
        return bool(self.rows or self.empty)

    def __str__(self) -> str:
        track(*self.because_of)
        if not self.rows:
            return self.empty
        lines = [self.header, tuple("---" for _ in self.header), *self.rows]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def table(header: str, rows: Iterable[Iterable[object]], empty: str = "") -> Table:
    """A table from a header such as `Id, Name` and rows of cells that are Markdown already."""
    with tracking() as answers:
        cells = tuple(tuple(str(cell) or NONE for cell in row) for row in rows)
    track(*answers)
    return Table(tuple(header.split(", ")), cells, empty, frozenset(answers))


def cell(value: object, otherwise: str = NONE) -> str:
    """An answer's value as one line of Markdown, as a table cell needs it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return ", ".join(cell(item) for item in value) or otherwise
    return md(value) if value not in (None, "") else otherwise


def advice(written: str) -> str:
    """One line that names code in backticks, as a terminal shows it too; whatever else is in it is text."""
    parts = re.split(r"`([^`]+)`", line(written))
    return "".join(
        code(part) if at % 2 else re.sub(r"\S(.*\S)?", lambda it: md(it[0]), part) for at, part in enumerate(parts)
    )


def sentence(value: object) -> str:
    """An answer's text with a full stop."""
    written = line(value)
    return md(written) + ("" if written.endswith((".", "!", "?", "…")) else ".")


def code(value: object) -> str:
    """Code in a paragraph or a table cell."""
    body = " ".join(str(value).split()).replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", body)), default=0) + 1)
    pad = " " if body.startswith("`") or body.endswith("`") else ""
    return f"{fence}{pad}{body}{pad}{fence}"


def codes(values: Iterable[object]) -> str:
    return ", ".join(map(code, values)) or NONE


def kept_for(entities: Iterable[Entity]) -> str:
    """For how long records are kept: `` `Order` is deleted 730 days after placed_at ``; empty if all are for good."""
    limited = tuple(f"{code(it.name)} is {it.retention}" for it in entities if it.retention)
    return all_of(limited) if limited else ""


def erased(entities: Iterable[Entity]) -> str:
    """What becomes of records of somebody who asks to be forgotten: `` `Order` is kept ``; empty if nobody says it."""
    done = {"delete": "deleted", "anonymise": "anonymised", "keep": "kept"}
    named = tuple(f"{code(it.name)} is {done[it.erasure]}" for it in entities if it.erasure)
    return all_of(named) if named else ""


def keeping(entities: Collection[Entity]) -> str:
    """Which records are not kept for good, in sentences; empty if all are."""
    limited, forgotten = kept_for(entities), erased(entities)
    sentences = (
        f"Not kept for good: {limited}." if limited else "",
        f"Of a person who asks to be forgotten, {forgotten}." if forgotten else "",
    )
    return " ".join(filter(None, sentences))


def counted(number: int, one: str, many: str) -> str:
    """`1 gap`, `2 gaps`."""
    return f"{number} {one if number == 1 else many}"


def fence(language: str, body: str) -> str:
    return f"```{language}\n{body}\n```"
