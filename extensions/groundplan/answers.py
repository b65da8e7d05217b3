"""Answers and their five states, as an immutable view over whatever a data file held."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeGuard

import yaml

from .problems import Problem
from .provenance import track
from .text import UNPRINTABLE

State = Literal["value", "not needed", "defer", "assume", "tbd"]

LONGEST = 20_000
"""Characters of one text; more is a file that went to the wrong place."""
DEEPEST = 12
LARGEST = 50_000
"""Parts of one answer; YAML aliases can make a small file explode."""

PLAIN = "write plain text, numbers, lists and mappings"
"""How to correct a value that cannot be stored."""

_STATED = re.compile(r"(not needed|defer|assume)\s*(?::\s*(.*))?", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """The answer to one question. Lists are tuples and mappings are read-only."""

    name: str
    state: State = "tbd"
    value: object = None
    """The answer itself, when it is a value or an assumption."""
    reason: str = ""
    """Why it is not needed."""
    trigger: str = ""
    """When a deferred question comes up again."""
    owner: str = ""
    """Who then answers it."""
    empty: bool = False
    """Whether an empty list or table was given, which means none of the five states."""

    @property
    def as_written(self) -> object:
        """The answer in the form of an answers file."""
        rest = {"not needed": self.reason, "defer": f"{self.trigger}, {self.owner}", "assume": self.value}
        return {self.state: rest[self.state]} if self.state in rest else self.value

    @property
    def known(self) -> bool:
        """Whether there is a value, even if only assumed."""
        return self.state in ("value", "assume")


REASON_SUFFIX = "_because"
"""The suffix of the question that asks for the reason of a state that was chosen from a list."""


class Answers(Mapping[str, Answer]):
    """All answers by question. One that nobody gave is `tbd`; one that cannot be held is, too, with a problem."""

    def __init__(self, raw: Mapping[str, object]) -> None:
        problems: list[Problem] = []
        held: dict[str, Answer] = {}
        for name, value in raw.items():
            if isinstance(name, str) and not name.startswith("_"):
                try:
                    held[name] = answer_of(name, _completed(frozen(value), raw.get(f"{name}{REASON_SUFFIX}")))
                except ValueError as fault:
                    problems.append(Problem(name, str(fault), PLAIN))
        self._answers = held
        self.problems = tuple(problems)

    def __getitem__(self, name: str) -> Answer:
        track(name)
        return self._answers.get(name) or Answer(name)

    def with_answer(self, name: str, value: object) -> Answers:
        """The same answers with another one to a question."""
        return Answers({**{it.name: it.as_written for it in self._answers.values()}, name: value})

    def __contains__(self, name: object) -> bool:
        return name in self._answers

    def __iter__(self) -> Iterator[str]:
        return iter(self._answers)

    def __len__(self) -> int:
        return len(self._answers)


def answer_of(name: str, value: object) -> Answer:
    """Tell the state of an answer. YAML reads `defer: a, b` as a mapping of one key, so both forms count."""
    state, rest = _stated(value)
    if state == "defer" and isinstance(rest, Mapping) and set(rest) <= {"trigger", "owner"}:
        rest = f"{rest.get('trigger', '')}, {rest.get('owner', '')}"
    if state in ("not needed", "defer") and rest is not None and not isinstance(rest, str):
        raise ValueError(f"says `{state}` with something that is not text")
    match state:
        case "tbd":
            return Answer(name, empty=isinstance(value, (tuple, Mapping)) and _is_empty(value))
        case "not needed":
            return Answer(name, "not needed", reason=rest if isinstance(rest, str) else "")
        case "defer":
            trigger, _, owner = (rest if isinstance(rest, str) else "").rpartition(",")
            return Answer(
                name,
                "defer",
                trigger=(trigger or owner).strip(),
                owner=owner.strip() if trigger else "",
            )
        case "assume":
            return Answer(name) if _is_empty(rest) else Answer(name, "assume", value=rest)
    return Answer(name, "value", value=value)


def _completed(value: object, because: object) -> object:
    """A state that was chosen from a list, completed by the answer to its companion question."""
    if (state := bare_state(value)) and isinstance(because, str) and because.strip():
        return f"{state}: {because}"
    return value


def bare_state(value: object) -> str:
    """The state if a value is nothing but one; empty otherwise."""
    lone = value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value
    return lone if isinstance(lone, str) and lone in ("not needed", "defer", "assume") else ""


def _is_empty(value: object) -> bool:
    """Whether a value is empty, or a list of nulls."""
    return value in (None, "", {}) or (isinstance(value, tuple) and all(it is None for it in value))


def _is_lone_state(value: object) -> TypeGuard[tuple[str]]:
    """Whether a list holds nothing but a state, as the answer to a question of several choices does."""
    if not isinstance(value, tuple) or len(value) != 1 or not isinstance(value[0], str):
        return False
    return bool(_STATED.fullmatch(value[0].strip()))


def _stated(value: object) -> tuple[str, object]:
    """Split an answer into the word for its state, empty for a plain value, and what follows."""
    if _is_lone_state(value):
        value = value[0]
    if isinstance(value, Mapping) and len(value) == 1:
        (key, rest), *_ = value.items()
        if isinstance(key, str) and _STATED.fullmatch(key.strip()) and ":" not in key:
            return key.strip().lower(), rest.strip() if isinstance(rest, str) else rest
    if isinstance(value, str):
        if value.strip().lower() in ("", "tbd"):
            return "tbd", None
        if match := _STATED.fullmatch(value.strip()):
            return match[1].lower(), (match[2] or "").strip()
    if _is_empty(value) or value == ("tbd",):
        return "tbd", None
    return "", value


def parsed(text: str) -> object:
    """Read text as YAML, as Copier does with an answer on the command line; raise `ValueError` with the cause."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark else ""
        raise ValueError(f"is not valid YAML{place} ({getattr(error, 'problem', None) or 'unreadable'})") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except (AttributeError, LookupError, TypeError, ValueError):  # `2026-02-30`, `!!bool maybe`
        raise ValueError("is not valid YAML (a day, number or tag that cannot be)") from None
    return frozen(content)


def frozen(value: object) -> object:
    """An immutable copy; raise `ValueError`, saying why, for what no answers file can hold."""
    return _frozen(value, DEEPEST, iter(range(LARGEST)))


def thawed(value: object) -> object:
    """The same in lists and mappings that may be changed and written."""
    if isinstance(value, Mapping):
        return {thawed(key): thawed(item) for key, item in value.items()}
    return [thawed(item) for item in value] if isinstance(value, tuple) else value


def _frozen(value: object, depth: int, budget: Iterator[int]) -> object:
    if next(budget, None) is None:
        raise ValueError(f"has more than {LARGEST:,} parts")
    if not depth:
        raise ValueError(f"is nested more than {DEEPEST} levels deep")
    match value:
        case None | bool() | float() | datetime.date():
            return value
        case int():
            if abs(value) >= 10**18:
                raise ValueError("holds a number of more than 18 digits")
            return value
        case str():
            return _sound(value)
        case list() | tuple():
            return tuple(_frozen(item, depth - 1, budget) for item in value)
        case Mapping():
            return MappingProxyType(
                {_frozen(key, depth - 1, budget): _frozen(item, depth - 1, budget) for key, item in value.items()}
            )
    raise ValueError(f"holds a {type(value).__name__}, which is neither text, number, list nor mapping")


def _sound(text: str) -> str:
    if len(text) > LONGEST:
        raise ValueError(f"holds a text of {len(text):,} characters; {LONGEST:,} are the most")
    if found := UNPRINTABLE.search(text):
        raise ValueError(f"holds the invisible character U+{ord(found[0]):04X}")
    return text
