"""The questionnaire as the guard before it needs it: what is asked, and what Copier would take for an answer.

Copier accepts unknown names in silence and meets a wrong type with a traceback; here both are problems.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from .answer_shapes import NAMED, Shape, shape
from .answers import PLAIN, REASON_SUFFIX, answer_of, bare_state, frozen, parsed
from .catalogue import LOADER
from .field_types import FIELD_TYPES
from .problems import Problem, instead
from .text import one_of, quoted

ROOT = Path(__file__).resolve().parents[2]
"""The template repository that this package is part of."""

SEPARATOR = re.compile(r"^---$", re.MULTILINE)
INCLUDE = re.compile(r"\s*!include (\S+)\s*")
SECTION = re.compile(r"━━━ (.+) ━━━")

SHOWN = 40
"""Characters up to which an unknown name is shown as it is."""

DEPTHS = ("express", "standard", "comprehensive")
"""How much is asked, from little to all."""

ASKED_AT = {
    "": "express",
    "{{ depth != 'express' }}": "standard",
    "{{ depth == 'standard' }}": "standard",
    "{{ depth == 'comprehensive' }}": "comprehensive",
}
"""What `ask` says of a question, and the depth from which on it is asked; decisions compute theirs."""

NONE = "none"
"""The choice that excludes all others."""

STATES = ("tbd", "not needed", "defer", "assume")
"""The states that may replace the value of a requirement."""


@dataclass(frozen=True)
class Question:
    """A question of `copier.yml`: how it is asked, and what an answer to it may be."""

    name: str
    type: str
    choices: tuple[str, ...] = ()
    """The choices, if the file lists them."""
    offered: tuple[str, ...] = ()
    """What of it can be chosen today, where that is less."""
    many: bool = False
    """Whether several may be chosen."""
    required: bool = False
    guide: tuple[str, ...] = ()
    """The guide's questions and parts that it covers: `G1b`."""
    about: str = ""
    """What a requirement is about, as the end of the sentence "it is open …"; empty for settings and decisions."""
    help: str = ""
    labels: tuple[str, ...] = ()
    """How the choices read."""
    default: object = None
    ask: str = ""
    """The condition on which it is asked."""
    when: str = ""
    """The condition without which its answer is dropped."""
    section: str = ""
    """Its section."""
    number: str = ""
    """The guide's number of its section: `2.1`."""
    items: Shape | None = None
    """What each item of a list consists of."""
    table: Shape | None = None
    """What a table consists of."""
    bounds: tuple[int, int] | None = None
    """Between what a whole number must be."""

    naming: frozenset[str] = frozenset()
    """Further questions whose answers declare what this answer refers to."""

    @property
    def names(self) -> frozenset[str]:
        """The questions whose answers declare what this answer refers to, so that they must be answered first."""
        shape = self.items or self.table
        kinds = (it.name for it in shape.parts.values()) if shape else ()
        return (self.naming | {NAMED[it] for it in kinds if it in NAMED}) - {self.name}

    @property
    def is_asked(self) -> bool:
        """Whether it is ever asked; the guard and the history are not."""
        return self.ask != "False" and "preflight" not in self.when

    @property
    def states(self) -> tuple[str, ...]:
        """The states that may replace a choice."""
        return STATES if self.about and self.choices else ()

    @property
    def depth(self) -> str:
        """The depth from which on it is asked; empty where that is computed, or never."""
        return ASKED_AT.get(self.ask, "")

    @property
    def question(self) -> str:
        """The question alone, without its example and further advice."""
        return " ".join(self.help.partition("\n\n")[0].partition("Example")[0].split())

    @property
    def example(self) -> str:
        """The YAML that the question shows as an example."""
        return self.help.partition("Example:\n")[2]

    def taken(self, value: object) -> object:
        """The answer as Copier would take it; raise `ValueError`, saying what is wrong, where it would not."""
        if not self.many:
            return self._one(value)
        items = parsed(value) if isinstance(value, str) else value
        if not isinstance(items, (list, tuple)):
            raise ValueError(f"{quoted(value)} is not a list")
        if len(items) > 1 and (alone := next((it for it in items if self._state(it)), None)):
            raise ValueError(f"{quoted(alone)} cannot be combined with other answers")
        if len(items) > 1 and NONE in items:
            raise ValueError(f"{quoted(NONE)} cannot be combined with other answers")
        return [self._one(item) for item in items]

    def _one(self, value: object) -> object:
        if isinstance(value, float) and str(value) in self.choices:
            return str(value)  # `3.11`, of which YAML makes a number that still reads the same
        taken = CASTS[self.type](value)
        if self.choices and str(taken) not in self.choices and not self._state(taken):
            raise ValueError(f"{quoted(value)} is not one of {', '.join(self.choices)}")
        return taken

    def _state(self, value: object) -> bool:
        """Whether a choice is answered by a state, such as `defer: the first partner, the product owner`."""
        if not self.states or not isinstance(value, str):
            return False
        answer = answer_of(self.name, value)
        if answer.state == "assume":
            return str(answer.value) in self.choices
        return answer.state != "value"

    def fix(self, value: object) -> str:
        """How to put an answer right that was not taken."""
        if self.many and isinstance(value, (list, tuple)) and any(self._state(it) or it == NONE for it in value):
            return "let it stand alone, or remove it"
        if self.many and not isinstance(value, (list, tuple)):
            alone = f", e.g. ['{value}']" if self._state(value) else f", e.g. [{', '.join(self.choices[-2:])}]"
            return f"write it as a list{alone}"
        if self.many and isinstance(value, (list, tuple)):
            value = next((it for it in value if it not in self.choices), value)
        if self.choices and isinstance(value, float):
            return f'write it in quotes, e.g. "{self.choices[0]}": YAML reads {value} as a number'
        if self.choices and isinstance(value, bool):
            return f"choose {one_of(self.choices)}, in quotes: YAML reads yes, no, on and off as true and false"
        if self.choices:
            return instead(value, self.choices, f"choose {one_of(self.offered or self.choices)}")
        return EXAMPLES[self.type]


def load(root: Path = ROOT) -> tuple[Question, ...]:
    """The questions of a template in the order in which they are asked, without choices that are computed."""
    found: list[Question] = []
    section = ""
    for document in _documents(root / "copier.yml"):
        for name, details in document.items():
            if not name.startswith("_"):
                question = _question(name, details, section)
                section = question.section
                found.append(question)
    return tuple(found)


def with_choices(
    questions: tuple[Question, ...],
    choices: Mapping[str, tuple[str, ...]],
    offered: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Question, ...]:
    """The questions with choices that are computed, by name; `offered` are those among them that can be taken today."""
    today = offered or {}
    return tuple(
        replace(it, choices=choices[it.name], offered=today.get(it.name, ())) if it.name in choices else it
        for it in questions
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
    problems += _misplaced(known, taken)
    missing = [it.name for it in questions if complete and it.required and it.name not in given]
    problems += [Problem(name, "is missing", "add it to the answers") for name in missing]
    return taken, tuple(problems)


def is_within(first: str, depth: str) -> bool:
    """Whether what is asked from a depth on is asked at another one; what has no depth of its own always is."""
    return first not in DEPTHS or DEPTHS.index(first) <= DEPTHS.index(depth)


def _misplaced(known: Mapping[str, Question], taken: Mapping[str, object]) -> Iterator[Problem]:
    """Companions that belong to no state, or do not say what their state needs."""
    for name, because in taken.items():
        of = name.removesuffix(REASON_SUFFIX)
        if of == name or not isinstance(because, str) or not because.strip() or of not in known:
            continue
        state, choices = bare_state(taken.get(of)), known[of].choices
        if not state:
            fix = f"remove it, or write it behind the state: {of}: 'defer: ...'"
            yield Problem(name, f"belongs to a state of {of}, which has none that lacks it", fix)
        elif state == "assume" and because.strip() not in choices:
            fix = instead(because, choices, f"choose {one_of(choices)}")
            yield Problem(name, f"{quoted(because)} is not one of {', '.join(choices)}", fix)


def _documents(path: Path) -> Iterator[Mapping[str, object]]:
    """The documents of a file, with those that are only an `!include` replaced by what they name."""
    for document in SEPARATOR.split(path.read_text("utf-8")):
        if included := INCLUDE.fullmatch(document):
            yield from _documents(path.parent / included[1])
        elif content := yaml.load(document, LOADER):
            yield content


def _question(name: str, details: object, section: str) -> Question:
    if not isinstance(details, Mapping):  # `name: default` for short
        return Question(name, type(details).__name__)
    listed = details.get("x-choices", details.get("choices"))
    guide = details.get("x-guide", ())
    mark = str(details.get("qmark", ""))
    opened = SECTION.search(mark)
    bounds = details.get("x-range")
    return Question(
        name,
        type=details.get("type", "yaml"),
        choices=tuple(_choices(listed)) if isinstance(listed, (list, dict)) else (),
        many=details.get("multiselect") is True,
        required="default" not in details,
        guide=(guide,) if isinstance(guide, str) else tuple(guide),
        about=details.get("x-about", ""),
        help=details.get("help", "").replace("{{ field_types }}", " ".join(FIELD_TYPES)),
        labels=tuple(map(str, listed)) if isinstance(listed, dict) else (),
        default=details.get("default"),
        ask=str(details.get("ask", "")),
        when=str(details.get("when", "")),
        section=opened[1] if opened else section,
        number=mark.splitlines()[-1] if mark else "",
        items=shape(details["x-items"]) if "x-items" in details else None,
        table=shape(details["x-table"]) if "x-table" in details else None,
        naming=frozenset(details.get("x-names", ())),
        bounds=(bounds[0], bounds[1]) if bounds else None,
    )


def _choices(choices: list[object] | dict[object, object]) -> Iterator[str]:
    values = choices.values() if isinstance(choices, dict) else choices
    for value in values:
        value = value[1] if isinstance(value, list) else value
        yield str(value["value"] if isinstance(value, dict) else value)


def _text(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    if isinstance(value, (bool, float)):  # `no`, `3.10`: YAML has changed how it was written
        raise ValueError(f"{quoted(value)} is {'yes or no' if isinstance(value, bool) else 'a number'}, not text")
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

QUESTIONS = load()
"""The questions of this template, without the choices that come from the catalogue."""

BY_NAME = {question.name: question for question in QUESTIONS}

REQUIREMENTS = {question.name: question.about for question in QUESTIONS if question.about}
"""The questions about the product, which have five states, and what each is about."""


def shape_of(name: str) -> Shape:
    """What each item of a list question consists of; raise `KeyError` for a question without one."""
    if shape := BY_NAME[name].items:
        return shape
    raise KeyError(name)
