"""Which part of the guide is implemented where, and which is not yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from ..text import md

HEAD = """\
# The guide, part by part

<!-- Generated from docs/guide.yml by `uv run docs/build.py`; a test follows every reference. -->

{done} of {count} parts are implemented; each names a file, or something in it, that shows so.
"""


@dataclass(frozen=True)
class Part:
    """A part of the guide, with what implements it or what is missing."""

    id: str
    heading: str
    title: str
    evidence: tuple[str, ...] = ()
    """Paths in this repository, with what stands there behind a `#`."""
    not_yet: str = ""


def read(path: Path) -> tuple[Part, ...]:
    """The parts in the guide's order."""
    sections = yaml.safe_load(path.read_text("utf-8"))
    return tuple(
        Part(id, section["heading"], it["title"], tuple(it.get("evidence", ())), it.get("not_yet", ""))
        for section in sections
        for id, it in section["parts"].items()
    )


def text(parts: tuple[Part, ...]) -> str:
    """The table of coverage as Markdown."""
    return HEAD.format(done=sum(not it.not_yet for it in parts), count=len(parts)) + "".join(_lines(parts))


def _lines(parts: tuple[Part, ...]) -> Iterator[str]:
    heading = ""
    for it in parts:
        if it.heading != heading:
            heading = it.heading
            yield f"\n## {heading}\n\n| part | | shown by |\n| --- | --- | --- |\n"
        shown = f"**not yet:** {md(it.not_yet)}" if it.not_yet else ", ".join(map(_link, it.evidence))
        yield f"| {it.id} | {md(it.title)} | {shown} |\n"


def _link(reference: str) -> str:
    path, _, inside = reference.partition("#")
    name = f"`{inside}` in {path}" if inside else path
    return f"[{name}](../{path})"
