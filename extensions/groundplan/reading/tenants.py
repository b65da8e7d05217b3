"""Whether the product serves several organisations, and what of it they share: `Clinic; shared: Drug`, or in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..domain import ANYONE, TENANT_FIELD, Entity, Product
from ..text import all_of, quoted
from . import grammar
from .entity_lines import taken
from .events import entity_named, line_of
from .grammar import TenantsLine
from .node import Node

EXAMPLE = "Clinic; shared: Drug, Country"
KEYS = ("called", "shared")
LONGEST = 40
"""Characters of the word for one of the organisations."""


def with_tenants(answer: Node, product: Product) -> Product:
    """The product with each record that is not shared in the hands of one organisation; what cannot be is reported."""
    if answer.value is None or answer.value == {}:
        return product
    line = line_of(answer, KEYS, grammar.tenants_line, _in_full, f'"{EXAMPLE}"', required=KEYS[:1])
    if line is None or not line.called:
        return product
    if len(line.called) > LONGEST or "\n" in line.called:
        answer.problem(f"calls an organisation by more than {LONGEST} characters", "name it in a word or two")
        return product
    named = (entity_named(answer, name, product.entities) for name in dict.fromkeys(line.shared))
    shared = {it.name for it in named if it is not None}
    if product.entities and shared.issuperset(product.entities):
        answer.problem("shares all records, so that none belongs to an organisation", "leave tenants out")
        return product
    for message, fix in _contradictions(product, shared):
        answer.problem(message, fix)

    def kept_apart(it: Entity) -> Entity:
        return it if it.name in shared else replace(it, fields=(*it.fields, TENANT_FIELD))

    return replace(product.with_entities(kept_apart), tenants=line.called)


def _contradictions(product: Product, shared: set[str]) -> Iterator[tuple[str, str]]:
    """What would lead from one organisation to another, or is not kept apart."""
    for entity in product.entities.values():
        if entity.name not in shared and any(it.name == TENANT_FIELD.name for it in entity.fields):
            yield taken(entity, TENANT_FIELD)
        if entity.name in shared:
            apart = [it for it in dict.fromkeys(product.referenced_entities(entity.fields)) if it not in shared]
            for other in apart:
                yield (
                    f"shares {entity.name}, which refers to {other}, and that belongs to one organisation",
                    f"share {other}, too, or do not share {entity.name}",
                )
    if product.person:
        yield (
            "keeps organisations apart, and the command that person asks for looks for data in all of them",
            "leave person out",
        )
    for service in product.services:
        for reaction in service.reactions:
            event = product.events.get(reaction.event)
            if event and (event.entity in shared) != (reaction.creates in shared):
                yield (
                    f"lets the event {event.name} of {event.entity} make a {reaction.creates}, "
                    "and only one of them is shared",
                    "share both or neither",
                )
    for workflow in product.workflows:
        made = (workflow.entity, *(it.creates for it in workflow.steps))
        mixed = [it for it in made if it in shared]
        if mixed and len(mixed) < len(made):
            named = all_of(tuple(dict.fromkeys(mixed)))
            yield (
                f"shares {named} of the workflow {quoted(workflow.name)}, and not the rest of it",
                "share all of its records or none",
            )


def open_to_anyone(answer: Node, product: Product) -> None:
    """Report what belongs to an organisation and is for callers who prove nothing, and so belong to none."""
    for it in product.access:
        entity = product.entities[it.entity]
        actions = [action for action, who in it.grants if ANYONE in who]
        if entity.of_tenant and actions:
            answer.problem(
                f"keeps each {entity.name} for one {product.tenants}, "
                f"and access lets anyone {all_of(tuple(actions))} it",
                f"let callers or roles do it, or share {entity.name}",
            )


def _in_full(parts: Mapping[str, Node]) -> TenantsLine:
    shared = parts["shared"].texts("Drug") if "shared" in parts else ()
    return TenantsLine(parts["called"].text("Clinic"), shared)
