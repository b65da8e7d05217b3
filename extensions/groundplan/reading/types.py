"""What a type and a literal in a one-line form mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from .. import patterns
from ..domain import NO_LIMITS, SCALARS, Field, Limits, Type
from ..field_types import FIELD_TYPES, Plain
from ..problems import instead
from ..text import quoted
from .grammar import LimitsLine, Text, TypeLine


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
    word = line.words[0]
    if len(line.words) == 1 and word in SCALARS:
        return Type(word, many=line.many, optional=line.optional, limits=_limits(line.limits, word))
    if line.limits is not None:
        raise Mistyped(
            f"limits {quoted('|'.join(line.words))}, of which there is neither a length nor a range", _LIMITED
        )
    if len(line.words) > 1:
        return Type("choice", "", _choices(line.words, named), line.many, line.optional)
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


_LIMITED = "limit e.g. str(1..80), int(1..5) or money(0..1000)"


def _limits(line: LimitsLine | None, kind: str) -> Limits:
    """What a field asks of values of a field type."""
    if line is None:
        return NO_LIMITS
    if line.currency and not FIELD_TYPES[kind].financial:
        raise Mistyped(f"gives {quoted(kind)} the currency {line.currency}", "use money for an amount of it")
    least, most = (_bound(it, kind) for it in line.range) if line.range else (None, None)
    if line.range and least is most is None:
        raise Mistyped("has a range without ends", _LIMITED)
    if least is not None and most is not None and least > most:
        raise Mistyped(f"has the empty range {least:f}..{most:f}", f"write {most:f}..{least:f}")
    limits = Limits(least, most, "" if line.pattern is None else _pattern(line.pattern, kind), line.currency)
    if limits.pattern:
        try:
            patterns.portable(limits.pattern).example(*lengths(limits, kind))
        except patterns.Unportable as fault:
            raise Mistyped(f"has a pattern that {fault}", "change the pattern or the length") from None
    return limits


def _bound(written: str, kind: str) -> Decimal | None:
    """An end of a range."""
    if not written:
        return None
    field_type = FIELD_TYPES[kind]
    if not field_type.limited_by:
        raise Mistyped(f"limits {quoted(kind)}, of which there is neither a length nor a range", _LIMITED)
    number = Decimal(written)
    if number != round(number, field_type.decimals):
        fix = f"round it to {field_type.decimals} decimals"
        raise Mistyped(f"has the limit {written}, which no {quoted(kind)} has", fix)
    if not field_type.least <= number <= field_type.most:
        what = "characters" if field_type.limited_by == "length" else ""
        of = " ".join(filter(None, (f"{field_type.least:f} to {field_type.most:f}", what)))
        longer = [it for it in field_type.accepted_by if FIELD_TYPES[it].limited_by == "length"]
        fix = ", or use ".join(("stay within these", *longer))
        raise Mistyped(f"has the limit {written}, and {quoted(kind)} has {of}", fix)
    return number


def _pattern(written: str, kind: str) -> str:
    """A pattern as it means the same everywhere."""
    if not FIELD_TYPES[kind].has_patterns:
        with_patterns = " and ".join(it.name for it in FIELD_TYPES.values() if it.has_patterns)
        raise Mistyped(f"has a pattern, and is {quoted(kind)}", f"give patterns to {with_patterns} only")
    try:
        return patterns.portable(written).text
    except patterns.Unportable as fault:
        raise Mistyped(f"has the pattern /{written}/, which {fault}", "write e.g. /^[a-z0-9-]+$/") from None


def lengths(limits: Limits, kind: str) -> tuple[int, int]:
    """The fewest and the most characters of a text, or the ends of a range of whole numbers."""
    field_type = FIELD_TYPES[kind]
    least = field_type.least if limits.least is None else limits.least
    most = field_type.most if limits.most is None else limits.most
    return int(least), int(most)


def _check_limits(value: Plain, type_: Type) -> None:
    """Raise `Mistyped` for a value outside of what a type allows."""
    limits = type_.limits
    size = Decimal(len(str(value)) if FIELD_TYPES[type_.kind].limited_by == "length" else str(value))
    outside = (limits.least is not None and size < limits.least) or (limits.most is not None and size > limits.most)
    if outside or (limits.pattern and not re.search(limits.pattern, str(value))):
        raise Mistyped(f"has {quoted(str(value))} where {_named(type_)} belongs", "change the value or the limits")


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
                f"write '{word}?' for a field that may be empty, or choices that are not types",
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
    if type_.kind not in FIELD_TYPES:
        return _chosen(text.text, type_)
    field_type = FIELD_TYPES[type_.kind]
    try:
        value = field_type.read(text.text)
    except ValueError:
        raise Mistyped(
            f"has {quoted(text.text)} where {_named(type_)} belongs",
            f"write e.g. {field_type.answer_example}",
        ) from None
    if type_.limits.restrict:
        _check_limits(value, type_)
    return value


def _named(type_: Type) -> str:
    return f"a value of type {quoted(type_)}"


def _chosen(text: str, type_: Type) -> str:
    if type_.kind == "choice" and text not in type_.choices:
        raise Mistyped(
            f"has {quoted(text)} where {_named(type_)} belongs",
            instead(text, type_.choices, "choose one of the choices"),
        )
    return text


def fits(source: Type, target: Type) -> bool:
    """Can every value of one type stand where the other is expected?"""
    if source.many != target.many or (source.optional and not target.optional):
        return False
    if not _known_limits(source).within(target.limits):
        return False
    if (source.kind, source.target, source.choices) == (target.kind, target.target, target.choices):
        return True
    if source.many:
        return False
    if target.kind == "choice":
        return source.kind == "choice" and set(source.choices) <= set(target.choices)
    if source.kind == "choice":
        return target.kind in ("str", *FIELD_TYPES["str"].accepted_by)
    if source.kind in FIELD_TYPES:
        return target.kind in FIELD_TYPES[source.kind].accepted_by
    return source.field_type is not None and target.kind == source.field_type.name


def _known_limits(type_: Type) -> Limits:
    """What is known of the values of a type."""
    field_type = type_.field_type
    if field_type is None or not field_type.limited_by:
        return type_.limits
    least = field_type.least if type_.limits.least is None else type_.limits.least
    most = field_type.most if type_.limits.most is None else type_.limits.most
    return replace(type_.limits, least=least, most=most)


MANY = 1_000
"""So many values a type must have for records to have different ones."""


def has_few_values(type_: Type) -> bool:
    """Whether there are not enough values of a type for many records to have different ones."""
    if type_.kind not in FIELD_TYPES:
        return type_.kind == "choice"
    least, most = lengths(type_.limits, type_.kind)
    if type_.limits.pattern:
        return "{" not in patterns.portable(type_.limits.pattern).example(least, most).replace("{{", "")
    field_type = FIELD_TYPES[type_.kind]
    few = {"length": most < len(str(MANY)), "range": most - least < MANY, "": False}
    return field_type.few_values or few[field_type.limited_by]


def field_named(fields: tuple[Field, ...], name: str) -> Field | None:
    """The field of that name, if there is one."""
    return next((field for field in fields if field.name == name), None)
