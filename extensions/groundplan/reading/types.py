"""What a type and a literal in a one-line form mean."""

from __future__ import annotations

import datetime
import math
import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from ..domain import SCALARS, Field, Type
from ..problems import instead
from ..text import quoted
from .grammar import Text, TypeLine

Plain = str | int | float | bool
"""A value of a plain field, as the domain holds it: money, days and addresses are text."""


class Mistyped(Exception):
    """A type or literal makes no sense; `fix` says what would."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


class UnknownType(Mistyped):
    """The name of a type means nothing; it may be that of an entity that could not be read."""

    def __init__(self, name: str, fix: str) -> None:
        super().__init__(f"has the unknown type {quoted(name)}", fix)
        self.name = name


def type_of(line: TypeLine, named: Mapping[str, str]) -> Type:
    """Tell what a type is; `named` gives each entity (`reference`) and value object (`value`)."""
    if len(line.words) > 1:
        return Type("choice", "", _choices(line.words, named), line.many, line.optional)
    word = line.words[0]
    if word in SCALARS:
        return Type(word, many=line.many, optional=line.optional)
    if word in named:
        return Type(named[word], word, (), line.many, line.optional)
    known = (*SCALARS, *named)
    raise UnknownType(
        word,
        instead(
            word,
            known,
            f"use one of {', '.join(SCALARS)}, an entity, a value object, a|b, list[...]",
        ),
    )


def _choices(words: tuple[str, ...], named: Mapping[str, str]) -> tuple[str, ...]:
    shown = "|".join(words)
    if max(map(len, words)) > 80:
        raise Mistyped(f"has a choice of more than 80 characters in {quoted(shown)}", "shorten it")
    if len(set(words)) < len(words):
        raise Mistyped(f"names a choice twice in {quoted(shown)}", "name each choice once")
    for word in words:
        if word in SCALARS or word in named:
            raise Mistyped(
                f"has the type {quoted(word)} among the choices {quoted(shown)}",
                f"write '{word}?' for a field that may be empty, or choices that are no types",
            )
    return words


def default_of(text: Text, type_: Type) -> Plain:
    """The default that a field's line gives."""
    if type_.many or type_.optional or type_.kind in ("reference", "value"):
        raise Mistyped(
            f"gives a default to {quoted(type_)}",
            "give defaults to plain types and choices only; a field with '?' is empty by default",
        )
    return literal_of(text, type_)


def literal_of(text: Text, type_: Type) -> Plain:
    """A written value as one of a plain type."""
    try:
        return _PLAIN[type_.kind](text.text) if type_.kind in _PLAIN else _chosen(text.text, type_)
    except (ValueError, InvalidOperation):
        raise Mistyped(
            f"has {quoted(text.text)} where {_named(type_)} belongs",
            f"write e.g. {_EXAMPLES[type_.kind]}",
        ) from None


def _named(type_: Type) -> str:
    return f"a value of type {quoted(type_)}"


def _chosen(text: str, type_: Type) -> str:
    if type_.kind == "choice" and text not in type_.choices:
        raise Mistyped(
            f"has {quoted(text)} where {_named(type_)} belongs",
            instead(text, type_.choices, "choose one of the choices"),
        )
    return text


def _short(text: str) -> str:
    if not 1 <= len(text) <= 200 or any(character < " " for character in text):
        raise ValueError
    return text


def _long(text: str) -> str:
    if len(text) > 10_000:
        raise ValueError
    return text


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,10}", text, re.ASCII) or not -(2**31) <= int(text) < 2**31:
        raise ValueError
    return int(text)


def _real(text: str) -> float:
    number = float(text) if re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,15})?([eE][+-]?\d{1,3})?", text, re.ASCII) else math.nan
    if not math.isfinite(number):
        raise ValueError
    return number


FLAGS = {"true": True, "True": True, "false": False, "False": False}
"""As YAML and as Python write it."""


def _flag(text: str) -> bool:
    if text not in FLAGS:
        raise ValueError
    return FLAGS[text]


def _money(text: str) -> str:
    if not re.fullmatch(r"-?\d{1,12}(\.\d{1,2})?", text, re.ASCII):
        raise ValueError
    return str(Decimal(text))


def _email(text: str) -> str:
    if not re.fullmatch(r"[\w.+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}", text, re.ASCII) or len(text) > 254:
        raise ValueError
    return text


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[^\s\"'<>\\]*)?", text, re.ASCII) or len(text) > 2_000:
        raise ValueError
    return text


def _moment(text: str) -> str:
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None or len(text) < len("2026-03-02T09:30Z"):
        raise ValueError
    return moment.isoformat()


_PLAIN: Mapping[str, Callable[[str], Plain]] = {
    "str": _short,
    "text": _long,
    "int": _whole,
    "float": _real,
    "bool": _flag,
    "money": _money,
    "date": lambda text: datetime.date.fromisoformat(text).isoformat(),
    "datetime": _moment,
    "email": _email,
    "url": _url,
    "uuid": lambda text: str(uuid.UUID(text)),
}

_EXAMPLES = {
    "int": "3",
    "float": "2.5",
    "bool": "true or false",
    "money": "9.99",
    "date": "2026-03-02",
    "datetime": "2026-03-02T09:30:00+00:00",
    "email": "'somebody@example.com'",
    "url": "'https://example.com/'",
    "uuid": "'00000000-0000-4000-8000-000000000000'",
    "str": "'one line of at most 200 characters'",
    "text": "'at most 10,000 characters'",
}


def fits(source: Type, target: Type) -> bool:
    """Can every value of one type stand where the other is expected?"""
    if source.many != target.many or (source.optional and not target.optional):
        return False
    if (source.kind, source.target, source.choices) == (target.kind, target.target, target.choices):
        return True
    if source.many:
        return False
    if target.kind == "choice":
        return source.kind == "choice" and set(source.choices) <= set(target.choices)
    return (source.kind, target.kind) in _WIDER


_WIDER = {
    ("int", "float"),
    ("reference", "uuid"),
    *((kind, "str") for kind in ("choice", "email")),
    *((kind, "text") for kind in ("choice", "email", "str", "url")),
}


def field_named(fields: tuple[Field, ...], name: str) -> Field | None:
    """The field of that name, if there is one."""
    return next((field for field in fields if field.name == name), None)
