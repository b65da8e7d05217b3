"""Which part of the guide is implemented where, and which is not yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from ..text import md

HEAD = """\
# The guide, part by part

<!-- Generated from docs/guide.yml by `uv run docs/build.py`; a test follows every reference. -->

{done} of {count} parts are implemented; each names a file, or something in it, that shows so, and the gap rules that
detect what the guide names.
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
    detectors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The gap rules that detect what the guide names here."""


def read(path: Path) -> tuple[Part, ...]:
    """The parts in the guide's order."""
    sections = yaml.safe_load(path.read_text("utf-8"))
    return tuple(
        Part(
            id,
            section["heading"],
            it["title"],
            tuple(it.get("evidence", ())),
            it.get("not_yet", ""),
            {name: tuple(rules) for name, rules in it.get("detectors", {}).items()},
        )
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
        detected = (f"{md(name)}: {', '.join(rules)}" for name, rules in it.detectors.items())
        shown = f"**not yet:** {md(it.not_yet)}" if it.not_yet else "; ".join(filter(None, (_links(it), *detected)))
        yield f"| {it.id} | {md(it.title)} | {shown} |\n"


def _links(part: Part) -> str:
    return ", ".join(map(_link, part.evidence))


def _link(reference: str) -> str:
    path, _, inside = reference.partition("#")
    name = f"`{inside}` in {path}" if inside else path
    return f"[{name}](../{path})"
