"""What an answer consists of, where it is more than one word: the parts that a question names under `x-…`.

A question of a list says `x-items`, one of a table `x-table`, with a kind for each part: `owner: text`. The first two
parts of an item are those of its short form, `name: text`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

KINDS = {
    "text": "text",
    "texts": "texts",
    "amount": "a number, or text with one in it",
    "number": "a number",
    "whole": "a whole number",
    "date": "a day, such as 2027-03-01",
    "day": "a day, or words for when",
    "flag": "true or false",
    "service": "the name of a service",
    "services": "names of services",
    "dependencies": "names of services",
    "events": "lines such as `order.placed on create Order`",
    "subscriptions": "lines such as `on order.placed: create Notification(recipient: customer)`",
}
"""The kinds of parts, with the wording that documents show."""

MANY = ("texts", "services", "dependencies", "events", "subscriptions")

NAMED = {
    "service": "services",
    "services": "services",
    "dependencies": "services",
    "events": "data_entities",
    "subscriptions": "data_entities",
}
"""The question whose answer declares what a part refers to."""

_KIND = re.compile(r"(?P<name>[a-z]+)(?: (?P<low>\d+)\.\.(?P<high>\d+))?")


class ShapeError(ValueError):
    """A malformed shape in `questions/`."""


@dataclass(frozen=True)
class Kind:
    """What one part of an answer is: `text`, `whole 1..7`, `low|medium|high`."""

    name: str
    """One of `KINDS`, or `choice`."""
    low: int | None = None
    high: int | None = None
    words: tuple[str, ...] = ()
    """What may be chosen."""

    @property
    def many(self) -> bool:
        return self.name in MANY

    def __str__(self) -> str:
        within = f" from {self.low} to {self.high}" if self.high is not None else ""
        return ", ".join(self.words[:-1]) + f" or {self.words[-1]}" if self.words else KINDS[self.name] + within


@dataclass(frozen=True)
class Shape:
    """The parts of a table, or of each item of a list."""

    parts: Mapping[str, Kind]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.parts)

    @property
    def name(self) -> str:
        """The part that names an item: before the colon in its short form."""
        return self.keys[0]

    @property
    def text(self) -> str:
        """The part after the colon."""
        return self.keys[1]

    @property
    def others(self) -> tuple[str, ...]:
        return self.keys[2:]


def kind(written: str) -> Kind:
    """A kind as the questionnaire writes it; raise `ShapeError` for one that is not known."""
    if "|" in written:
        return Kind("choice", words=tuple(written.split("|")))
    found = _KIND.fullmatch(written)
    if not found or found["name"] not in KINDS:
        raise ShapeError(f"{written!r} is not a kind; known are {', '.join(KINDS)}, or words with | between them")
    low, high = found["low"], found["high"]
    return Kind(found["name"], None if low is None else int(low), None if high is None else int(high))


def shape(parts: Mapping[str, str]) -> Shape:
    """The shape that a question names."""
    return Shape({name: kind(written) for name, written in parts.items()})
