"""Items of a list, in short (`name: text`) or in full (`{name: ..., ...}`)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

from ..answer_shapes import Shape
from .node import Node, kind_of

Entry = Mapping[str, Node]
"""The parts of one item by key; the shape's `name` is always among them."""


def entries(answer: Node, shape: Shape) -> Iterator[tuple[Node, Entry]]:
    """Each item with the place where it stands; what cannot be one is reported and left out."""
    for item in _listed(answer, shape):
        parts = _parts(item, shape)
        if shape.name in parts and _is_blank(parts[shape.name].value):
            item.problem(f"has an empty {shape.name}", f"give it a {shape.name}, or remove it")
        elif shape.name in parts:
            yield item, parts
        elif item.is_mapping:
            item.problem(f"has no {shape.name}", f"give it one: {{{shape.name}: ...}}")


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _listed(answer: Node, shape: Shape) -> Iterator[Node]:
    """The items of a list, or of a mapping from names to texts, as a hurried writer gives it."""
    if isinstance(answer.value, Mapping) and shape.name not in answer.value:
        for key, value in answer.value.items():
            yield answer.under(key, {key: value})
    else:
        yield from answer.each()


def _parts(item: Node, shape: Shape) -> Entry:
    value = item.value
    if isinstance(value, str):
        name, _, text = value.strip().removesuffix(":").partition(": ")
        return _short(item, shape, name, text or None)
    if isinstance(value, Mapping) and len(value) == 1 and not set(value) & set(shape.keys):
        ((name, rest),) = value.items()
        return _short(item, shape, name, rest)
    if isinstance(value, Mapping):
        return item.keys(shape.keys)
    if isinstance(value, datetime.date) and shape.parts[shape.name].name == "date":
        return _short(item, shape, value, None)
    item.problem(
        f"is {kind_of(value)}",
        f'write "{shape.name}: {shape.text}" or {{{shape.name}: ..., {shape.text}: ...}}',
    )
    return {}


def _short(item: Node, shape: Shape, name: object, rest: object) -> Entry:
    head = {shape.name: item.at("", name)}
    if isinstance(rest, Mapping):
        return head | item.at("", rest).keys(shape.keys[1:])
    return head if rest is None else head | {shape.text: item.at("", rest)}
