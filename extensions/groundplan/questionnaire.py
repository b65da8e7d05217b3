"""The questionnaire as the guard before it needs it: what is asked, and what Copier would take for an answer.

Copier accepts unknown names in silence and meets a wrong type with a traceback; here both are problems.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from .answers import PLAIN, frozen, parsed
from .catalogue import LOADER
from .problems import Problem, instead
from .text import one_of, quoted

SEPARATOR = re.compile(r"^---$", re.MULTILINE)
SHOWN = 40
"""Characters up to which an unknown name is shown as it is."""

INCLUDE = re.compile(r"\s*!include (\S+)\s*")


@dataclass(frozen=True)
class Question:
    """A question of `copier.yml`, as far as an answer to it can be wrong."""

    name: str
    type: str
    choices: tuple[str, ...] = ()
    """What may be chosen, where the file says so itself."""
    many: bool = False
    """Whether several may be chosen."""
    required: bool = False

    def taken(self, value: object) -> object:
        """The answer as Copier would take it; raise `ValueError`, saying what is wrong, where it would not."""
        if not self.many:
            return self._one(value)
        items = parsed(value) if isinstance(value, str) else value
        if not isinstance(items, (list, tuple)):
            raise ValueError(f"{quoted(value)} is not a list")
        return [self._one(item) for item in items]

    def _one(self, value: object) -> object:
        taken = CASTS[self.type](value)
        if self.choices and str(taken) not in self.choices:
            raise ValueError(f"{quoted(value)} is not one of {', '.join(self.choices)}")
        return taken

    def fix(self, value: object) -> str:
        """How to put an answer right that was not taken."""
        if self.many and not isinstance(value, (list, tuple)):
            return f"write them as a list, e.g. [{', '.join(self.choices[:2])}]"
        if self.choices:
            return instead(value, self.choices, f"choose {one_of(self.choices)}")
        return EXAMPLES[self.type]


def load(root: Path, choices: Mapping[str, tuple[str, ...]] | None = None) -> tuple[Question, ...]:
    """The questions of a template in the order in which they are asked; `choices` are those that are computed."""
    return tuple(
        _question(name, details, (choices or {}).get(name, ()))
        for document in _documents(root / "copier.yml")
        for name, details in document.items()
        if not name.startswith("_")
    )


def check(
    questions: tuple[Question, ...], given: Mapping[str, object], complete: bool
) -> tuple[dict[str, object], tuple[Problem, ...]]:
    """The answers as Copier would take them, and what is wrong with the others.

    `complete` when nobody will be asked, so that what has no default must be there.
    """
    known = {question.name: question for question in questions}
    taken: dict[str, object] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        if name not in known:
            fix = instead(name, tuple(known), "remove it")
            shown = name if name.isidentifier() and len(name) <= SHOWN else quoted(name)
            problems.append(Problem(shown, "is not a question of this template", fix))
            continue
        try:
            frozen(value)  # before anything shows the value: aliases make some endless
        except ValueError as fault:
            problems.append(Problem(name, str(fault), PLAIN))
            continue
        try:
            taken[name] = known[name].taken(value)
        except ValueError as fault:
            problems.append(Problem(name, str(fault), known[name].fix(value)))
    missing = [it.name for it in questions if complete and it.required and it.name not in given]
    problems += [Problem(name, "is missing", "add it to the answers") for name in missing]
    return taken, tuple(problems)


def _documents(path: Path) -> Iterator[Mapping[str, object]]:
    """The documents of a file, with those that are only an `!include` replaced by what they name."""
    for document in SEPARATOR.split(path.read_text("utf-8")):
        if included := INCLUDE.fullmatch(document):
            yield from _documents(path.parent / included[1])
        elif content := yaml.load(document, LOADER):
            yield content


def _question(name: str, details: object, computed: tuple[str, ...]) -> Question:
    if not isinstance(details, Mapping):  # `name: default` for short
        return Question(name, type(details).__name__)
    listed = details.get("choices")
    return Question(
        name,
        type=details.get("type", "yaml"),
        choices=tuple(_choices(listed)) if isinstance(listed, (list, dict)) else computed,
        many=details.get("multiselect") is True,
        required="default" not in details,
    )


def _choices(choices: list[object] | dict[object, object]) -> Iterator[str]:
    values = choices.values() if isinstance(choices, dict) else choices
    for value in values:
        value = value[1] if isinstance(value, list) else value
        yield str(value["value"] if isinstance(value, dict) else value)


def _text(value: object) -> object:
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError(f"{quoted(value)} is not text")


def _whole(value: object) -> object:
    try:
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return int(value)
    except ValueError:
        pass
    raise ValueError(f"{quoted(value)} is not a whole number")


def _yes_or_no(value: object) -> object:
    words = {"true": True, "yes": True, "false": False, "no": False}
    if str(value).lower() not in words:
        raise ValueError(f"{quoted(value)} is not yes or no")
    return words[str(value).lower()]


def _anything(value: object) -> object:
    return parsed(value) if isinstance(value, str) else value


CASTS: dict[str, Callable[[object], object]] = {
    "str": _text,
    "int": _whole,
    "bool": _yes_or_no,
    "yaml": _anything,
}
"""What Copier makes of an answer, by the type of its question."""

EXAMPLES = {
    "str": "write text in quotes",
    "int": "write digits only",
    "bool": "write true or false",
    "yaml": "put each line that holds a colon and more than a name in quotes",
}
"""How an answer of a type is written."""
