"""How callers list the records of an entity: whether its fields can be chosen by, ordered by and searched."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..domain import LIST_PARAMETERS, Field, Listing, Type
from ..problems import instead
from ..text import quoted
from .grammar import EntityLine
from .node import Node

ALWAYS_SORTED = ("created_at", "updated_at")
"""What every record has and can be ordered by."""


def checked(line: EntityLine, fields: Sequence[Field], operations: Sequence[str], node: Node) -> Listing | None:
    """What a line says of lists, without the fields that cannot be meant, which are reported."""
    if line.listing is None:
        return None
    if "list" not in operations:
        node.problem(f"{line.name} says how callers list it, and they cannot", "give it the operation list")
    known = {it.name: it.type for it in fields}
    secret = {it.name for it in fields if it.secret}

    def suitable(use: str, names: Sequence[str], fault: Callable[[str, Type], str]) -> tuple[str, ...]:
        for name in names:
            if name not in known:
                fix = instead(name, known, f"name one of its fields: {', '.join(known)}")
                node.problem(f"{line.name} {use} {quoted(name)}, which is no field of it", fix)
            elif name in secret:
                node.problem(f"{line.name} {use} {quoted(name)}, which is secret", "leave it out")
            elif why := fault(name, known[name]):
                node.problem(f"{line.name} {use} {quoted(name)}, {why}", "name another field, or leave it out")
        return tuple(dict.fromkeys(it for it in names if it in known))

    always = [it for it in line.listing.sorts if it in ALWAYS_SORTED]
    sorts = [it for it in line.listing.sorts if it not in ALWAYS_SORTED]
    return Listing(
        suitable("is listed by", line.listing.filters, _unfit_to_choose),
        (*always, *suitable("is sorted by", sorts, _unfit_to_sort)),
        suitable("is searched in", line.listing.searched, _unfit_to_search),
    )


def _unfit_to_choose(name: str, type: Type) -> str:
    """Why callers cannot choose by a value of a field, or an empty string."""
    if name in LIST_PARAMETERS:
        return "which is a parameter of lists with a meaning of its own"
    if type.kind == "value":
        return "which has parts"
    several_forms = type.field_type is not None and type.field_type.several_forms
    return f"which is a list of {type.kind}" if type.many and several_forms else ""


def _unfit_to_sort(_: str, type: Type) -> str:
    has_order = type.kind == "choice" or (type.field_type is not None and type.field_type.has_order)
    if type.many or not has_order:
        return "which has no order to go by"
    return "which may be empty" if type.optional else ""


def _unfit_to_search(_: str, type: Type) -> str:
    has_words = type.field_type is not None and type.field_type.has_words
    return "" if has_words and not type.many else "which is no text"
