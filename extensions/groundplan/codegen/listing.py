"""The class with the parameters by which callers choose among the records of an entity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..domain import Entity, Type
from ..formatting import optional_field
from ..text import py
from .fields import annotation
from .python import tuple_argument


def query_lines(entity: Entity) -> tuple[str, ...]:
    """The body of the class; nothing where lists have no parameters of their own."""
    return tuple(_lines(entity)) if entity.listing else ()


def _lines(entity: Entity) -> Iterator[str]:
    listing, types = entity.listing, {it.name: it.type for it in entity.fields}
    assert listing
    chosen = [it for it in listing.filters if not types[it].many]
    contained = [it for it in listing.filters if types[it].many]
    for attribute, names in (("equal", chosen), ("containing", contained), ("searched", listing.searched)):
        if names:
            yield tuple_argument(f"{attribute}: ClassVar = ", map(py, names), 4)
    for name in listing.filters:
        yield optional_field(f"{name}: {_annotation(types[name])} | None")
    if listing.sorts:
        orders = (py(sign + it) for it in listing.sorts for sign in ("", "-"))
        yield optional_field(f"sort: Literal[{', '.join(orders)}] | None")
    if listing.searched:
        yield optional_field("search: common.ShortText | None")


def _annotation(type: Type) -> str:
    """The type of a parameter; what is no text in JSON is read from text."""
    plain = annotation(replace(type, many=False, optional=False))
    return plain if type.is_text_in_json else f"Annotated[{plain}, listing.READ]"
