"""A Markdown document as far as facts can be read from it, and how links follow when one moves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from os.path import normpath, relpath
from pathlib import Path
from urllib.parse import quote, unquote

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
LINK = re.compile(r"(?<!\\)\[(?:\\.|[^\]\\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
DEFINITION = re.compile(r" {0,3}\[(?!\^)(?:\\.|[^\]\\])+\]:\s*<?([^\s>]+)>?(?:\s+[\"'(].*)?\s*$")
"""Where `[text][name]` leads."""
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
ID = re.compile(
    r"(?<![\w/-])(?:FR-\d{3,}(?:-AC\d+)?|NFR-\d{2,}|SM-\d+|RISK-\d+|ADR-\d{4,})(?![\w-])"
)
UNSPOKEN = re.compile(r"<!--.*?-->|\\.|\]\([^)]*\)")
CELL = re.compile(r"(?<!\\)\|")

SHORTEST = 20
"""From this number of words on, paragraphs can be distinguished."""


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

    def line_of(self, row: tuple[str, ...]) -> int:
        """The line of a row; a bar of dashes stands between it and the header."""
        return self.line + 2 + self.rows.index(row)


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
        return tuple(Found(line.line, link[1]) for line in self.lines for link in _links(line.text))

    def relinked(self, change: Callable[[str], str]) -> str:
        """The text with each link led to where `change` says."""
        lines = self.text.splitlines(keepends=True)
        for number in {it.line for it in self.links}:
            text = lines[number - 1]
            for link in reversed(_links(text)):
                text = text[: link.start(1)] + change(link[1]) + text[link.end(1) :]
            lines[number - 1] = text
        return "".join(lines)

    @cached_property
    def prose(self) -> tuple[Found, ...]:
        """The lines without what stands in them as code, comment or address, or escaped."""
        return tuple(
            Found(it.line, UNSPOKEN.sub(" ", _without_code(it.text, " "))) for it in self.lines
        )

    @cached_property
    def paragraphs(self) -> tuple[Found, ...]:
        """The text between empty lines, headings, tables and comments, each with its first line."""
        found: list[Found] = []
        last = 0
        for it in self.lines:
            text = it.text.strip()
            if not text or HEADING.match(it.text) or text.startswith(("|", "<!--")):
                last = 0
            elif found and last == it.line - 1:
                found[-1] = Found(found[-1].line, f"{found[-1].text} {text}")
                last = it.line
            else:
                found.append(Found(it.line, text))
                last = it.line
        return tuple(found)

    @cached_property
    def shingles(self) -> tuple[tuple[int, frozenset[str]], ...]:
        """The first line of each paragraph of some length, and every three words of it that stand together."""
        return tuple(
            (it.line, frozenset(map(" ".join, zip(words, words[1:], words[2:], strict=False))))
            for it in self.paragraphs
            if len(words := re.findall(r"\w+", it.text.casefold())) >= SHORTEST
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


def _without_code(line: str, filler: str = "x") -> str:
    """A line of the same length with its code blotted out."""
    return CODE.sub(lambda code: filler * len(code[0]), line)


def _links(line: str) -> list[re.Match[str]]:
    """The links of a line, each with its target as the first group."""
    plain = _without_code(line)
    definition = DEFINITION.match(plain)
    return [definition] if definition else list(LINK.finditer(plain))


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


def target(document: Document, link: str) -> tuple[Path | None, str]:
    """The file and the heading that a link leads to; no file where it leads into the web."""
    if ":" in link.split("/")[0] or link.startswith("//"):
        return None, ""
    file, _, heading = unquote(link).partition("#")
    return Path(normpath(document.path.parent / file)) if file else document.path, heading


def moved(document: Document, new: Path, banner: str) -> str:
    """The text of a document as it stands at another place, with a line on top that says why."""

    def follow(link: str) -> str:
        path, heading = target(document, link)
        if path is None or link.startswith("#"):
            return link
        return link_to(new, path, heading)

    front, text = _front(document.relinked(follow))
    return f"{front}{banner}\n\n{text}"


def redirected(document: Document, old: Path, new: Document) -> str:
    """The text of a document whose links to one file lead to another; headings that are not there are left out."""

    def follow(link: str) -> str:
        path, heading = target(document, link)
        if path != old:
            return link
        return link_to(document.path, new.path, heading if heading in new.anchors else "")

    return document.relinked(follow)


def link_to(origin: Path, path: Path, heading: str = "") -> str:
    """How a document links to a file."""
    to = quote(Path(relpath(path, origin.parent)).as_posix())
    return f"{to}#{heading}" if heading else to


def _front(text: str) -> tuple[str, str]:
    """The front matter of a document, and the rest."""
    lines = text.splitlines(keepends=True)
    bars = [number for number, line in enumerate(lines) if line.strip() == "---"]
    end = bars[1] + 1 if len(bars) > 1 and bars[0] == 0 else 0
    return "".join(lines[:end]), "".join(lines[end:])
