"""Whose data are kept, and what is erased when somebody asks to be forgotten: `Order by customer: keep`, or in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..domain import ANONYMISE, ANONYMISED, Belonging, Entity, Field, Product
from ..text import quoted
from . import grammar
from .entity_lines import Form, entity_lines
from .grammar import PersonLine
from .node import Node
from .retention import can_be_anonymised
from .types import field_named

EXAMPLE = "Order by customer: keep"
KEYS = ("entity", "erase", "by", "equals")
REQUIRED = ("entity", "erase")
COMPARED = ("str", "email", "uuid")
"""The types of fields that may have the same value as one of the person's."""


def with_person(answer: Node, product: Product) -> Product:
    """The product with what belongs to a person; what cannot be is reported."""
    once = "say once how its records belong to a person"
    form = Form(EXAMPLE, grammar.person_line, _in_full, KEYS, REQUIRED, once)
    found: dict[str, Belonging] = {}
    for node, line, entity in entity_lines(answer, form, product, found):
        if line.action == ANONYMISE and not can_be_anonymised(node, entity, product):
            continue
        if belonging := _belonging(node, line, entity, found, product):
            found[entity.name] = belonging
    product = product.with_entities(lambda it: _erased(it, found[it.name]) if it.name in found else it)
    return replace(product, person=tuple(found.values()))


def _erased(entity: Entity, belonging: Belonging) -> Entity:
    anonymised = (ANONYMISED,) if belonging.action == ANONYMISE and not entity.anonymised else ()
    fields = (*entity.fields, *anonymised)
    return replace(entity, fields=fields, erasure=belonging.action, found_by=belonging.field)


def _belonging(
    node: Node, line: PersonLine, entity: Entity, above: Mapping[str, Belonging], product: Product
) -> Belonging | None:
    first = next(iter(above), "")
    if not line.field:
        if first:
            fix = f"write '{entity.name} by <field>: {line.action}', with the field that leads to {first}"
            node.problem(f"does not say how a {entity.name} belongs to a {first}", fix)
            return None
        return Belonging(entity.name, line.action)
    if not first:
        fix = f"write '{entity.name}: {line.action}', and others below"
        node.problem("is the first line, which says of which entity each record is a person", fix)
        return None
    field = field_named(entity.fields, line.field)
    if field is None:
        known = [it.name for it in entity.fields]
        node.unknown(line.field, f"is no field of {entity.name}", known, "name the field that leads to the person")
    elif line.value:
        return _same_value(node, line, entity, field, product.entities[first])
    elif field.type.kind == "uuid" and not field.type.many and not field.secret:
        return Belonging(entity.name, line.action, field.name, first)
    elif field.type.kind != "reference" or field.type.many or field.type.target not in above:
        node.problem(
            f"{quoted(field.name)} of {entity.name} is {quoted(field.type)}, which leads to no person",
            f"name a field that refers to one record of an entity above, or write '{field.name} = <field of {first}>'",
        )
    else:
        return Belonging(entity.name, line.action, field.name, field.type.target)
    return None


def _same_value(node: Node, line: PersonLine, entity: Entity, field: Field, person: Entity) -> Belonging | None:
    other = field_named(person.fields, line.value)
    if other is None:
        known = [it.name for it in person.fields]
        node.unknown(line.value, f"is no field of {person.name}", known, "name the one with the same value")
    elif any(it.type.kind not in COMPARED or it.type.many or it.secret for it in (field, other)):
        node.problem(
            f"compares {quoted(field.name)} of {entity.name}, {quoted(field.type)}, with {quoted(other.name)} of "
            f"{person.name}, {quoted(other.type)}",
            "compare fields with one str, email or uuid that are not secret",
        )
    elif field.type.kind != other.type.kind and "uuid" in (field.type.kind, other.type.kind):
        node.problem(f"compares {quoted(field.type)} with {quoted(other.type)}", "compare fields of one type")
    else:
        return Belonging(entity.name, line.action, field.name, person.name, other.name)
    return None


def _in_full(parts: Mapping[str, Node]) -> PersonLine:
    by, equals = (parts[it].text("customer") if it in parts else "" for it in ("by", "equals"))
    action = parts["erase"].text("keep")
    return grammar.person_line(
        f"{parts['entity'].text('Order')}{f' by {by}' if by else ''}{f' = {equals}' if equals else ''}: {action}"
    )
