"""A Markdown document as far as facts can be read from it: headings, links, tables and ids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
LINK = re.compile(r"(?<!\\)\[(?:\\.|[^\]\\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
ID = re.compile(
    r"(?<![\w/-])(?:FR-\d{3,}(?:-AC\d+)?|NFR-\d{2,}|SM-\d+|RISK-\d+|ADR-\d{4,})(?![\w-])"
)
CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Found:
    """Something in a document, and the line that it is on."""

    line: int
    text: str


@dataclass(frozen=True)
class FoundTable:
    line: int
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Document:
    path: Path
    text: str

    @cached_property
    def lines(self) -> tuple[Found, ...]:
        """The lines outside code blocks and front matter."""
        return tuple(self._lines())

    def _lines(self) -> Iterator[Found]:
        fence = ""
        lines = self.text.splitlines()
        front = lines.index("---", 1) + 1 if lines[:1] == ["---"] and "---" in lines[1:] else 0
        for number, text in enumerate(lines[front:], front + 1):
            found = FENCE.match(text)
            if fence:
                if found and found[1].startswith(fence) and not text.strip().strip(fence[0]):
                    fence = ""
            elif found:
                fence = found[1]
            else:
                yield Found(number, text)

    @cached_property
    def anchors(self) -> frozenset[str]:
        """What `#...` may name, by GitHub's rules."""
        seen: dict[str, int] = {}
        anchors: set[str] = set()
        for line in self.lines:
            if heading := HEADING.match(line.text):
                slug = anchor(heading[2])
                count = seen.get(slug, 0)
                seen[slug] = count + 1
                anchors.add(f"{slug}-{count}" if count else slug)
        return frozenset(anchors)

    @cached_property
    def links(self) -> tuple[Found, ...]:
        return tuple(
            Found(line.line, target)
            for line in self.lines
            for target in LINK.findall(CODE.sub(lambda code: "x" * len(code[0]), line.text))
        )

    @cached_property
    def ids(self) -> tuple[Found, ...]:
        return tuple(Found(it.line, id) for it in self.lines for id in ID.findall(it.text))

    @cached_property
    def tables(self) -> tuple[FoundTable, ...]:
        """Every table; a row is a line that begins with a bar."""
        tables: list[FoundTable] = []
        block: list[Found] = []
        for line in (*self.lines, Found(0, "")):
            follows = not block or line.line == block[-1].line + 1
            if block and not (line.text.startswith("|") and follows):
                tables.append(_table(block))
                block = []
            if line.text.startswith("|"):
                block.append(line)
        return tuple(tables)


def _table(block: list[Found]) -> FoundTable:
    header, *rows = (_cells(line.text) for line in block)
    body = (row for row in rows if not all(set(cell) <= set("-: ") and cell for cell in row))
    return FoundTable(block[0].line, header, tuple(body))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in CELL.split(line.strip().removesuffix("|"))[1:])


def anchor(heading: str) -> str:
    """The address that GitHub gives a heading."""
    plain = re.sub(r"\\(.)", r"\1", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading))
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
