"""What takes the place of sensitive values when a record is anonymised: nothing, or a value that tells nothing.

Values are JSON; `{id}` in a text stands for the id of the record, where no two records may have the same value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from . import patterns
from .domain import Entity, Field, Type, ValueObject
from .field_types import FIELD_TYPES, FieldType

Blank = str | int | float | bool | list[object] | dict[str, object] | None

ID = "{id}"
ID_LENGTH = 36


class Indelible(ValueError):
    """A value cannot be taken away, as the record needs it; the message says why."""


def blanks(entity: Entity, values: Mapping[str, ValueObject]) -> dict[str, Blank]:
    """By sensitive field, what takes the place of its value.

    Raises:
        Indelible: A field has to keep its value.
    """
    alone = {name for names in entity.uniques for name in names}
    return {it.name: _blank(it, values, it.name, unique=it.name in alone) for it in entity.fields if it.kinds}


def _blank(field: Field, values: Mapping[str, ValueObject], name: str, *, unique: bool = False) -> Blank:
    type = field.type
    if type.optional:
        return None
    if type.many:
        return []
    if type.kind == "reference":
        raise Indelible(f"{name} refers to a {type.target}")
    if type.kind == "value":
        return dict(_parts(type, values, name))
    if unique:
        return _of_its_own(type, name)
    if field.default is not None:
        return field.default
    return type.choices[0] if type.kind == "choice" else _within_limits(type, FIELD_TYPES[type.kind])


def _parts(type: Type, values: Mapping[str, ValueObject], name: str) -> Iterator[tuple[str, Blank]]:
    """The parts that are sensitive, or all of them if none says so."""
    if name.count(".") > len(values):
        raise Indelible(f"{name} has no end")  # a value object that contains itself is refused elsewhere
    every = values[type.target].fields
    for part in [it for it in every if it.kinds] or every:
        yield part.name, _blank(part, values, f"{name}.{part.name}")


def _of_its_own(type: Type, name: str) -> str:
    """A text that no other record has."""
    field_type = type.field_type
    own = field_type.blank_of_its_own if field_type else ""
    least, most = (0, ID_LENGTH) if field_type is None else _lengths(type, field_type)
    if not own or type.limits.pattern or not least <= ID_LENGTH <= most:
        raise Indelible(f"{name} is unique, and has room for no value that nobody else has")
    return own


def _within_limits(type: Type, field_type: FieldType) -> Blank:
    """The value that tells nothing, or the one next to it that keeps the limits."""
    limits, blank = type.limits, field_type.blank
    if not limits.restrict:
        return blank
    least, most = _lengths(type, field_type)
    if limits.pattern:
        example = patterns.portable(limits.pattern).example(least, most)
        return example.format(number=0, letters="a", capitals="A")
    if field_type.limited_by == "length":
        text = str(blank)
        return text if least <= len(text) <= most else "-" * max(least, 1)
    first = field_type.least if limits.least is None else limits.least
    last = field_type.most if limits.most is None else limits.most
    number = max(first, min(Decimal(0), last))
    if type.is_text_in_json:
        return f"{number:.{field_type.decimals}f}"
    return float(number) if field_type.decimals else int(number)


def _lengths(type: Type, field_type: FieldType) -> tuple[int, int]:
    """The fewest and the most characters of a text; of another type, such that an id fits."""
    if field_type.limited_by != "length":
        return 0, ID_LENGTH
    limits = type.limits
    least = field_type.least if limits.least is None else limits.least
    most = field_type.most if limits.most is None else limits.most
    return int(least), int(most)
