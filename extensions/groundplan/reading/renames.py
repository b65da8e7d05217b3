"""What a change gives another name, so that it keeps what it has: `Book.pages -> leaves`, `Find books -> Search`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ..domain import Entity, Product
from ..problems import instead
from ..text import quoted
from .node import Node
from .types import field_named

EXAMPLE = "Book.pages -> leaves"
ARROW = "->"


@dataclass(frozen=True)
class FieldRename:
    """A field that gets another name."""

    entity: Entity
    old: str
    new: str


@dataclass(frozen=True)
class IdRename:
    """Something with an id that gets another name: a feature, a target, a metric or a risk."""

    kind: str
    """Of its id: `FR`."""
    old: str
    new: str


@dataclass(frozen=True)
class Before:
    """What a project had before the change."""

    columns: Mapping[str, Collection[str]]
    """The columns of each table."""
    ids: Mapping[str, Collection[str]]
    """The names that were given ids, by the kind of these."""


def renames(
    answer: Node, product: Product, names: Mapping[str, Collection[str]], before: Before
) -> tuple[FieldRename | IdRename, ...]:
    """What gets another name, without what has it already; what nobody can rename is reported.

    `names` are those of all that is given an id now, by the kind of these.
    """
    found: list[FieldRename | IdRename] = []
    for node in answer.each():
        line = node.line(EXAMPLE)
        old, _, new = (it.strip() for it in line.partition(ARROW))
        if line and not (old and new):
            node.problem("does not say what gets which name", f"write e.g. {quoted(EXAMPLE)}")
        if not (old and new):
            continue
        name, _, field = old.partition(".")
        entity = product.entities.get(name) if field else None
        rename = _field(node, entity, field, new, before) if entity else _with_id(node, old, new, names, before)
        if rename and any(_meet(rename, it) for it in found):
            node.problem(f"{quoted(old)} and {quoted(new)} are not one to one", "leave one line for each name")
        elif rename:
            found.append(rename)
    return tuple(found)


def _meet(one: FieldRename | IdRename, other: FieldRename | IdRename) -> bool:
    """Whether two lines name the same thing before the change, or after it."""
    return replace(one, old=other.old) == other or replace(one, new=other.new) == other


def _field(node: Node, entity: Entity, old: str, new: str, before: Before) -> FieldRename | None:
    known = before.columns.get(entity.table, ())
    now = [it.name for it in entity.fields]
    if field_named(entity.fields, new) is None:
        node.unknown(new, f"is no field of {entity.name}", now, "give it that field in data_entities")
    elif old in now:
        node.problem(
            f"{entity.name} still has the field {quoted(old)}", "call it by its new name in data_entities, too"
        )
    elif old in known and new in known:
        node.problem(f"{entity.name} had both {quoted(old)} and {quoted(new)} before", "keep the one that it has")
    elif old in known:
        return FieldRename(entity, old, new)
    elif known and new not in known:
        gone = [it for it in known if it not in now]
        node.problem(f"{entity.name} had no field {quoted(old)}", instead(old, gone, "name one that it had"))
    return None


def _with_id(node: Node, old: str, new: str, names: Mapping[str, Collection[str]], before: Before) -> IdRename | None:
    kind = next((kind for kind, given in names.items() if new in given), "")
    known = before.ids.get(kind, ())
    if not kind:
        node.problem(
            f"{quoted(new)} is no field of an entity, feature, target, metric or risk in the answers",
            f"write a field as {quoted(EXAMPLE)}, and all else as the answers call it from now on",
        )
    elif old in names[kind]:
        node.problem(f"{quoted(old)} is still there", "call it by its new name in the answers, too")
    elif old in known and new in known:
        node.problem(f"{quoted(new)} was there before, too", "leave the line out")
    elif old in known:
        return IdRename(kind, old, new)
    elif known and new not in known:
        gone = [it for it in known if it not in names[kind]]
        node.problem(f"nothing was called {quoted(old)}", instead(old, gone, "name what it was called"))
    return None
