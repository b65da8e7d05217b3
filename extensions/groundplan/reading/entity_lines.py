"""Answers that say something of one entity a line: who may access it, how long its records are kept, and the like."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ..domain import Entity, Field, Product
from ..text import quoted
from .events import entity_named, line_of
from .node import Node


class EntityLine(Protocol):
    """A line that names an entity."""

    @property
    def entity(self) -> str: ...


LineT = TypeVar("LineT", bound=EntityLine)


@dataclass(frozen=True)
class Form(Generic[LineT]):
    """How such a line is written."""

    example: str
    short: Callable[[str], LineT]
    full: Callable[[Mapping[str, Node]], LineT]
    keys: tuple[str, ...]
    required: tuple[str, ...]
    once: str
    """What to do about an entity that has a line already."""


def entity_lines(
    answer: Node, form: Form[LineT], product: Product, known: Container[str]
) -> Iterator[tuple[Node, LineT, Entity]]:
    """The lines, each with its entity; one that cannot be read is reported, and so is one for an entity in `known`.

    The caller adds to `known` what it takes from a line.
    """
    for node in _lines(answer, form.keys):
        line = line_of(node, form.keys, form.short, form.full, f'"{form.example}"', required=form.required)
        entity = entity_named(node, line.entity, product.entities) if line else None
        if line is None or entity is None:
            continue
        if entity.name in known:
            node.problem(f"{entity.name} is there twice", form.once)
        else:
            yield node, line, entity


def _lines(answer: Node, keys: Iterable[str]) -> Iterator[Node]:
    """The lines; a mapping from entities to what is said of each counts as its lines."""
    for item in answer.each():
        if not isinstance(item.value, Mapping) or not item.value or set(item.value) & set(keys):
            yield item
            continue
        for key, value in item.value.items():
            node = item.under(key, value) if len(item.value) > 1 else item
            in_full = isinstance(value, Mapping) and "entity" not in value
            yield node.at("", {"entity": key, **value} if in_full else {key: value})


def taken(entity: Entity, field: Field) -> tuple[str, str]:
    """The problem that an entity has a field with the name of one that an answer brings, and its fix."""
    return (
        f"keeps {quoted(field.name)} of each {entity.name}, and data_entities gives it a field of that name",
        "take the field away, or give it another name",
    )
