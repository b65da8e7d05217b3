"""Whose changes are on record, and who may read that: `Order: read Auditor`, or in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..domain import AUDIT_FIELDS, GROUPS, HISTORY, Entity, Product
from ..problems import instead
from ..text import quoted
from . import grammar
from .access import role_name
from .entity_lines import Form, entity_lines, taken
from .grammar import AuditLine, Text
from .node import Node

EXAMPLE = "Order: read Auditor"
KEYS = ("entity", "read")


def with_histories(answer: Node, product: Product) -> Product:
    """The product, with a history of the records of each entity that is named; what cannot be is reported."""
    once = "put all who may read its history into one line"
    form = Form(EXAMPLE, grammar.audit_line, _in_full, KEYS, KEYS[:1], once)
    found: dict[str, Entity] = {}
    for node, line, entity in entity_lines(answer, form, product, found):
        _refuse_taken(node, entity, product)
        readers = dict.fromkeys(it for text in line.readers if (it := _reader(node, text, product)))
        if readers and (entity.private or product.is_internal(entity)):
            node.problem(
                f"says who may read the history of {entity.name}, whose records no caller from outside reads",
                f"write {quoted(entity.name)} alone: its history is kept, for {quoted(entity.service)} itself",
            )
            continue
        fields = (*entity.fields, *AUDIT_FIELDS)
        found[entity.name] = replace(entity, fields=fields, audited=True, history_readers=tuple(readers))
    return product.with_entities(lambda it: found.get(it.name, it))


def _refuse_taken(node: Node, entity: Entity, product: Product) -> None:
    """Refuse what has the name of something that a history brings."""
    kept = {it.name for it in AUDIT_FIELDS}
    for field in (it for it in entity.fields if it.name in kept):
        node.problem(*taken(entity, field))
    for it in product.workflows:
        if it.entity == entity.name and it.path == HISTORY:
            node.problem(
                f"has the history of each {entity.name} where the workflow {quoted(it.name)} tells its state",
                "rename the workflow",
            )


def _reader(node: Node, text: Text, product: Product) -> str:
    """A role; empty, with a problem, if it is none."""
    name = text.text.strip()
    roles = {it.name: it.persona for it in product.roles}
    role = next((it for it, persona in roles.items() if persona == name), role_name(name))
    if name in GROUPS and not text.quoted:
        node.problem(f"lets {quoted(name)} read a history, which is for roles", "name personas")
    elif role in roles:
        return role
    elif roles:  # otherwise nobody has been named so far
        fix = instead(name, tuple(roles.values()), "add it to personas")
        node.problem(f"{quoted(name)} is no persona", fix)
    return ""


def _in_full(parts: Mapping[str, Node]) -> AuditLine:
    readers = parts["read"].texts("Auditor") if "read" in parts else ()
    return AuditLine(parts["entity"].text("Order"), tuple(map(Text, readers)))
