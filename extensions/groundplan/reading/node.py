"""A part of an answer that knows its place, so that every fault can be reported where it is."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from ..answers import Answer, parsed
from ..problems import Report, instead
from ..text import one_of, quoted


@dataclass(frozen=True)
class Node:
    """A value inside an answer. A reader that finds a fault reports it and gives something harmless."""

    value: object
    path: str
    """`services[1].port`."""
    report: Report

    def problem(self, message: str, fix: str) -> None:
        self.report.add(self.path, message, fix)

    def unknown(self, name: str, what: str, known: Iterable[str], otherwise: str, is_service: bool = False) -> None:
        """Report a name that means nothing; `what` says what it should have been: `is not a service`."""
        self.report.unknown(self.path, name, f"{quoted(name)} {what}", instead(name, known, otherwise), is_service)

    def at(self, part: str, value: object) -> Node:
        """A part of this one."""
        return Node(value, self.path + part, self.report)

    def under(self, key: object, value: object) -> Node:
        """A part of a mapping whose keys are the writer's own."""
        plain = isinstance(key, str) and re.fullmatch(r"\w{1,40}", key)
        return self.at(f".{key}" if plain else f"[{quoted(key)}]", value)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, Mapping)

    def text(self, example: str = "some text") -> str:
        """Text; a number is refused, because YAML would have changed how it was written (`1.10`)."""
        if isinstance(self.value, str):
            return self.value.strip()
        if self.value is not None:
            self.problem(f"is {kind_of(self.value)}, not text", f'write it in quotes, e.g. "{example}"')
        return ""

    def amount(self) -> str | int | float:
        """A number, or text with one in it: `95`, `2 minutes`."""
        return self.number() if is_number(self.value) else self.text("95 percent")

    def number(self) -> int | float:
        if is_finite(self.value):
            return self.value
        self.problem(f"is {kind_of(self.value)}, not a finite number", "write digits only, e.g. 30")
        return 0

    def whole(self, low: int, high: int) -> int | None:
        """A whole number within bounds."""
        value = self.value
        if isinstance(value, str) and value.strip().isdecimal() and len(value) < 18:
            value = int(value)  # the command line knows text only
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        shown = str(value) if is_number(value) else quoted(value) if isinstance(value, str) else kind_of(value)
        self.problem(
            f"{shown} is not a whole number from {low} to {high}",
            f"write a number from {low} to {high}",
        )
        return None

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            self.problem(f"is {kind_of(self.value)}, not yes or no", "write true or false")
        return self.value is True

    def date(self) -> str:
        """A day as `2026-03-02`."""
        value = self.value
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return value.isoformat()
        try:
            return datetime.date.fromisoformat(value.strip()).isoformat() if isinstance(value, str) else self._no_date()
        except ValueError:
            return self._no_date()

    def _no_date(self) -> str:
        shown = quoted(self.value) if isinstance(self.value, str) else kind_of(self.value)
        self.problem(f"{shown} is not a day", "write year-month-day, e.g. 2026-03-02")
        return ""

    def choice(self, options: Sequence[str], default: str) -> str:
        """One of some words."""
        if isinstance(self.value, str) and self.value.strip() in options:
            return self.value.strip()
        shown = quoted(self.value) if isinstance(self.value, str) else kind_of(self.value)
        self.problem(
            f"{shown} is not one of {', '.join(options)}",
            instead(self.value, options, f"choose {one_of(options)}"),
        )
        return default

    def each(self) -> Iterator[Node]:
        """The items of a list; a single thing counts as a list of one."""
        if isinstance(self.value, tuple):
            for index, item in enumerate(self.value):
                if item is not None:
                    yield self.at(f"[{index}]", item)
        elif self.value is not None:
            yield self

    def texts(self, example: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(filter(None, (node.line(example) for node in self.each())))

    def line(self, example: str) -> str:
        """One line of text that YAML may have taken for a mapping because of a colon in it."""
        if isinstance(self.value, Mapping) and len(self.value) == 1:
            (key, rest), *_ = self.value.items()
            if isinstance(key, str) and (rest is None or isinstance(rest, str)):
                return f"{key}: {rest or ''}".strip()
        return self.text(example)

    def keys(self, known: Iterable[str]) -> dict[str, Node]:
        """The parts of a mapping by name, without those left empty; an unknown name is a problem."""
        allowed = tuple(known)
        if not isinstance(self.value, Mapping):
            self.problem(
                f"is {kind_of(self.value)}, not a mapping",
                f"write it as {{{allowed[0]}: ..., {allowed[-1]}: ...}}",
            )
            return {}
        parts: dict[str, Node] = {}
        for key, value in self.value.items():
            if isinstance(key, str) and key in allowed:
                if value is not None:
                    parts[key] = self.at(f".{key}", value)
            else:
                self.problem(
                    f"has the unknown key {quoted(key)}",
                    instead(key, allowed, f"remove it or write {one_of(allowed)}"),
                )
        return parts


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_finite(value: object) -> TypeGuard[int | float]:
    """Whether it is a number, and none that only YAML can write: `.nan`, `.inf`."""
    return isinstance(value, (int, float)) and is_number(value) and math.isfinite(value)


def kind_of(value: object) -> str:
    """What a value is, in a product owner's words."""
    match value:
        case None:
            return "empty"
        case bool():
            return "yes or no"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case datetime.date():
            return "a date"
        case tuple():
            return "a list"
    return "a mapping"


def structure(answer: Answer, report: Report) -> Node:
    """A list or mapping, also where it comes as text, as it does from a command line; nothing while unanswered."""
    value = answer.value if answer.known else None
    if isinstance(value, str):
        try:
            value = parsed(value)
        except ValueError as fault:
            report.mute()
            report.add(
                answer.name,
                str(fault),
                "put each line that holds a colon and more than a name in quotes",
            )
            value = None
    return Node(value, answer.name, report)
