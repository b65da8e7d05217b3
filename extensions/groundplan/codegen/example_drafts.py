"""Valid drafts of entities, which generated tests send: another one for each record.

They are JSON that the generated `System.draft` fills in. `{"$ref": entity}` is the id of a record, `{"$new": entity}`
that of a record which no other draft refers to, `{"$count": [1, 9]}` a whole number; `{number}`, `{day}`, `{letters}`
and `{capitals}` in a text are another one in each draft.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from ..domain import Entity, Field, Product, Type
from ..field_types import FIELD_TYPES, as_it_is
from . import limited_values


def example_draft(product: Product, entity: Entity) -> dict[str, object]:
    """A valid draft of an entity, with `{"$ref": entity}` in place of each reference.

    What is unique, sensitive or immutable is in it, too.
    """
    marked = {it.name for it in entity.fields if it.kinds or it.immutable}
    marked |= {name for names in entity.uniques for name in names}
    needing = [it for it in entity.sent if entity.name in _needed_for(product, *_referred(product, it.type))]
    draft = _draft(product, entity.sent, entity.name, marked - {it.name for it in needing})
    for names in entity.uniques:
        values = [(name, draft[name]) for name in names if name in draft]
        if not any(_differs(value) for _, value in values):
            references = ((name, it["$ref"]) for name, it in values if isinstance(it, dict) and "$ref" in it)
            draft |= {name: {"$new": target} for name, target in islice(references, 1)}
    return draft


def _differs(value: object) -> bool:
    """Whether it is another one in each draft."""
    return filled(value, 1) != filled(value, 2)


def _draft(product: Product, fields: Iterable[Field], entity: str, also: Collection[str] = ()) -> dict[str, object]:
    """What has to be given, and what else is asked for."""
    return {it.name: _example(product, it.type, entity) for it in fields if it.required or it.name in also}


def _example(product: Product, type: Type, entity: str) -> object:
    if type.many and entity in _needed_for(product, *_referred(product, type)):
        return []  # an item would need another draft of this entity, and so on
    if type.kind == "choice":
        value: object = as_it_is(type.choices[0])
    elif type.kind == "reference":
        value = {"$ref": type.target}
    elif type.kind == "value":
        value = _draft(product, product.value_objects[type.target].fields, entity)
    else:
        value = plain_example(type)
    return [value] if type.many else value


def plain_example(type: Type) -> object:
    """A value of a field type that meets all that the type says."""
    return limited_values.inside(type, FIELD_TYPES[type.kind].example)


def filled(value: object, number: int) -> object:
    """A value as it is in the draft of this number, as the generated `System.draft` fills it in."""
    match value:
        case {"$count": [int(first), int(last)]}:
            return first + (number - 1) % (last - first + 1)
        case str():
            day, letters = datetime.date(2026, 3, 1) + datetime.timedelta(days=number), in_letters(number)
            return value.format(number=number, day=day, letters=letters, capitals=letters.upper())
    return value


def in_letters(number: int) -> str:
    """A number written with the letters from `a` to `z` as digits."""
    rest, digit = divmod(number, 26)
    return (in_letters(rest) if rest else "") + chr(ord("a") + digit)


def _needed_for(product: Product, *entities: str) -> set[str]:
    """The entities of which a record must exist before one of each of these can, themselves included."""
    needed: set[str] = set()
    waiting = list(entities)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += (
                target
                for field in product.entities[name].fields
                if field.required
                for target in _referred(product, field.type)
            )
    return needed


def _referred(product: Product, type: Type) -> Iterator[str]:
    """The entities that an example of a type refers to."""
    if type.kind == "reference":
        yield type.target
    elif type.kind == "value":
        for field in product.value_objects[type.target].fields:
            if field.required:
                yield from _referred(product, field.type)
