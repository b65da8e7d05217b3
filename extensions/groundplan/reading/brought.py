"""Services that options bring: read as those of the answers are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from ..catalogue import BroughtService
from ..domain import Entity, Product, Service
from ..problems import Problem, Report
from ..text import quoted
from . import entities, person
from .node import Node


def service(brought: BroughtService, decision: str, *, tenants: bool = False) -> Service:
    """The service that an option of a decision brings."""
    report = Report()
    declared = entities.declarations(Node(brought.entities, "data_entities", report))
    kept, _ = entities.resolve(declared, entities.Owners((brought.name,), {}))
    report.refuse()
    without = () if tenants else brought.of_tenants
    return Service(
        name=brought.name,
        responsibility=brought.responsibility,
        entities=tuple(_kept(it, without, decision) for it in kept),
        brought_by=decision,
        requests=brought.requests,
        components=brought.components,
    )


def _kept(entity: Entity, without: Collection[str], decision: str) -> Entity:
    fields = (it for it in entity.fields if f"{entity.name}.{it.name}" not in without)
    return replace(entity, fields=tuple(fields), brought_by=decision)


def with_callers(product: Product, brought: Iterable[BroughtService]) -> Product:
    """The product with what options keep of callers as part of a person, where the answers say what belongs to one."""
    lines = tuple(line for it in brought for line in it.person)
    if not (lines and product.person):
        return product
    report = Report()
    theirs = person.with_person(Node(lines, "person", report), product)
    report.refuse()
    return replace(theirs, person=(*product.person, *theirs.person))


def clashes(product: Product, services: Iterable[Service]) -> Iterator[Problem]:
    """What the answers call as a service that an option brings, or as a kind of record that it keeps."""
    for it in services:
        why = f"which {it.brought_by} brings"
        if it.name in product.by_name:
            fix = f"choose another name, or another {it.brought_by}"
            yield Problem("services", f"{quoted(it.name)} is the name of a service, {why}", fix)
        for entity in it.entities:
            if entity.name in product.entities or entity.name in product.value_objects:
                fix = f"give it another name, or choose another {it.brought_by}"
                yield Problem("data_entities", f"{entity.name} is the name of what {it.name} keeps, {why}", fix)
