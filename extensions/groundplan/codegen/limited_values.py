"""Values that keep the limits of a type, and such that break them, as the drafts of generated tests have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from .. import patterns
from ..domain import Type
from ..field_types import FIELD_TYPES, counting

ROOM = 20
"""The characters that the usual example of a text takes, with a number in it."""


def inside(type: Type, usual: object) -> object:
    """A value of a field type that keeps the limits: the usual one if it does, in each draft."""
    limits, field_type = type.limits, FIELD_TYPES[type.kind]
    if not limits.restrict:
        return usual
    least = field_type.least if limits.least is None else limits.least
    most = field_type.most if limits.most is None else limits.most
    if limits.pattern:
        return patterns.portable(limits.pattern).example(int(least), int(most))
    if field_type.limited_by == "length":
        return usual if least <= ROOM <= most else _text(int(least), int(most))
    if isinstance(usual, Mapping):
        first = int(max(least, min(Decimal(1), most)))
        return counting(first, int(most))
    if least <= 1 and most >= 10_000:
        return usual
    return _in_json(type, max(least, min(Decimal(1), most)))


def outside(type: Type) -> Iterator[object]:
    """Values of the field type, each of which breaks one of the limits."""
    limits, field_type = type.limits, FIELD_TYPES.get(type.kind)
    if field_type is None:
        return
    if field_type.limited_by == "length":
        lengths = [limits.least - 1] if limits.least is not None and limits.least > field_type.least else []
        lengths += [limits.most + 1] if limits.most is not None and limits.most < field_type.most else []
        broken: list[object] = ["a" * int(it) for it in lengths]
        if limits.pattern:
            pattern = patterns.portable(limits.pattern)
            broken += [it for it in ("!", "a", "A", "0", "-") if not pattern.matches(it)][:1]
    else:
        step = Decimal(1).scaleb(-field_type.decimals) if type.is_text_in_json else Decimal(1)
        numbers = [limits.least - step] if limits.least is not None and limits.least > field_type.least else []
        numbers += [limits.most + step] if limits.most is not None and limits.most < field_type.most else []
        broken = [_in_json(type, it) for it in numbers]
    yield from ([it] if type.many else it for it in broken)


def _text(least: int, most: int) -> str:
    """A short text; the number of its draft is in it, if it has room for that."""
    return f"{{number:0>{max(least, 4)}}}" if most >= 4 else "a" * max(least, 1)


def _in_json(type: Type, number: Decimal) -> object:
    decimals = FIELD_TYPES[type.kind].decimals
    if type.is_text_in_json:
        return f"{number:.{decimals}f}"
    return float(number) if decimals else int(number)
