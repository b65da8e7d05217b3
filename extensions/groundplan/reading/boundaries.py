"""What must hold between services once they are put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..domain import Field, Service, ValueObject
from ..text import quoted
from .node import Node


def check(services: Sequence[Service], values: Sequence[ValueObject], places: Mapping[str, Node]) -> None:
    """Report what crosses a boundary that was not declared; `places` says where a service or an entity stands."""
    _refuse_cycles(services, places)
    _refuse_endless_values(values, places)
    _refuse_impossible_records(services, values, places)
    _refuse_foreign_fields(services, values, places)
    _refuse_foreign_deletions(services, places)
    _refuse_shared_names(services, values, places)
    _refuse_endless_reactions(services, places)


def cycle(ahead: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A way from a name back to itself, that name at both ends; empty when there is none."""
    done: set[str] = set()
    for start in ahead:
        path = [start]
        branches = [iter(ahead[start])]
        while branches:
            following = next(branches[-1], None)
            if following is None:
                branches.pop()
                done.add(path.pop())
            elif following in path:
                return (*path[path.index(following) :], following)
            elif following in ahead and following not in done:
                path.append(following)
                branches.append(iter(ahead[following]))
    return ()


def _refuse_cycles(services: Sequence[Service], places: Mapping[str, Node]) -> None:
    """Services that wait for each other cannot answer when one is unavailable."""
    calls = {service.name: [dependency.service for dependency in service.depends_on] for service in services}
    if found := cycle(calls):
        places[found[0]].at(".depends_on", None).problem(
            f"the services {' -> '.join(found)} call each other in a circle",
            "replace one of the calls by an event or by 'keep <Entity>' in subscribes",
        )


def _refuse_endless_values(values: Sequence[ValueObject], places: Mapping[str, Node]) -> None:
    """A value object that holds itself, over however many others, has no end."""
    holds = {
        value.name: [field.type.target for field in value.fields if field.type.kind == "value"] for value in values
    }
    if found := cycle(holds):
        places[found[0]].problem(
            f"{' contains '.join(found)} without end", "make one of them an entity, which is referred to by its id"
        )


def _refuse_impossible_records(
    services: Sequence[Service], values: Sequence[ValueObject], places: Mapping[str, Node]
) -> None:
    """Of records that need each other none can be the first."""
    inner = {value.name: _demanded(value.fields) for value in values}
    needs = {
        entity.name: [target for _, target in _references(_demanded(entity.fields), inner)]
        for service in services
        for entity in service.entities
    }
    if found := cycle(needs):
        places[found[0]].problem(
            f"{' needs '.join(found)} before any of them can be created", "make one of these references optional by '?'"
        )


def _demanded(fields: Sequence[Field]) -> list[Field]:
    """The fields that hold exactly one of what they refer to."""
    return [field for field in fields if not field.type.many and not field.type.optional]


def _refuse_foreign_fields(
    services: Sequence[Service], values: Sequence[ValueObject], places: Mapping[str, Node]
) -> None:
    """A reference to another service's entity is checked by a call or against a copy: one must be declared."""
    owners = {entity.name: service.name for service in services for entity in service.entities}
    unread = {it.name for service in services for it in service.entities if "read" not in it.operations}
    inner = {value.name: value.fields for value in values}
    for service in services:
        reachable = {dependency.service for dependency in service.depends_on}
        copied = {copy.entity for copy in service.copies}
        for entity in service.entities:
            for path, target in _references(entity.fields, inner):
                owner = owners.get(target, service.name)
                if owner == service.name or target in copied:
                    continue
                if owner not in reachable:
                    places[entity.name].problem(
                        f"field {quoted(path)} of {entity.name} refers to {target}, which {quoted(owner)} keeps",
                        f"add {quoted(owner)} to depends_on of {quoted(service.name)}, "
                        f"or 'keep {target}' to its subscribes",
                    )
                elif target in unread:
                    places[target].problem(
                        f"{target} cannot be read, and {quoted(service.name)} looks it up for {quoted(path)} of "
                        f"{entity.name}",
                        f"give {target} the operation read, or add 'keep {target}' to subscribes of "
                        f"{quoted(service.name)}",
                    )


def _refuse_foreign_deletions(services: Sequence[Service], places: Mapping[str, Node]) -> None:
    """One transaction deletes a record and changes what refers to it, so both are in one service."""
    for service in services:
        kept = {entity.name for entity in service.entities}
        for entity in service.entities:
            for field in entity.fields:
                if field.on_delete != "keep" and field.type.target not in kept:
                    places[entity.name].problem(
                        f"field {quoted(field.name)} of {entity.name} says {field.on_delete}, and another service "
                        f"keeps {field.type.target} and deletes it without asking",
                        f"write '{field.name}: {field.type.target}', and let a reaction or a job of "
                        f"{quoted(service.name)} follow",
                    )


def _references(
    fields: Sequence[Field], inner: Mapping[str, Sequence[Field]], before: str = ""
) -> Iterator[tuple[str, str]]:
    """Each reference with the path to it, those within value objects included."""
    for field in fields:
        if field.type.kind == "reference":
            yield before + field.name, field.type.target
        elif field.type.kind == "value":
            others = {name: held for name, held in inner.items() if name != field.type.target}
            yield from _references(inner.get(field.type.target, ()), others, f"{before}{field.name}.")


def modules_of(service: Service) -> dict[str, str]:
    """The modules of its own that a service has business rules in, and what needs each."""
    entities = {entity.snake: entity.name for entity in service.entities}
    reactions = {it.snake: f"the reaction to {quoted(it.event)}" for it in service.reactions}
    return entities | reactions | {job.name: f"the job {quoted(job.name)}" for job in service.jobs}


def _refuse_shared_names(
    services: Sequence[Service], values: Sequence[ValueObject], places: Mapping[str, Node]
) -> None:
    """Names that differ may still need one module or one class."""
    taken: dict[str, str] = {}
    for name, use, node in _classes(services, values, places):
        if taken.get(name, use) != use:
            node.problem(f"{use} needs the class {name}, and so does {taken[name]}", "rename one of the two")
        taken.setdefault(name, use)
    for service in services:
        reactions = {reaction.snake for reaction in service.reactions}
        for entity in service.entities:
            if entity.snake in reactions:
                places[entity.name].problem(
                    f"{entity.name} and a reaction of {quoted(service.name)} both need {entity.snake}.py",
                    "rename the entity",
                )


def _classes(
    services: Sequence[Service], values: Sequence[ValueObject], places: Mapping[str, Node]
) -> Iterator[tuple[str, str, Node]]:
    """Each class of the generated models, what it is for, and where that was asked for.

    Of events that would be sent by one name only the first counts: that there are two is reported where they stand.
    """
    sent: dict[str, str] = {}
    for value in values:
        yield value.name, value.name, places[value.name]
    for service in services:
        for entity in service.entities:
            yield entity.name, entity.name, places[entity.name]
            yield f"{entity.name}Draft", f"what clients send of {entity.name}", places[entity.name]
            yield f"{entity.name}Related", f"what {entity.name} refers to", places[entity.name]
            if entity.listing:
                yield f"{entity.name}Query", f"how callers list {entity.name}", places[entity.name]
        for event in service.events:
            if sent.setdefault(event.snake, event.name) == event.name:
                yield event.pascal, f"the event {quoted(event.name)}", places[service.name]


def _refuse_endless_reactions(services: Sequence[Service], places: Mapping[str, Node]) -> None:
    """A record whose creation brings about another of its kind never comes to rest."""
    caused = {
        event.name: event.entity for service in services for event in service.events if "create" in event.operations
    }
    brings: dict[str, list[str]] = {}
    for service in services:
        for reaction in service.reactions:
            if reaction.event in caused:
                brings.setdefault(caused[reaction.event], []).append(reaction.creates)
    if found := cycle(brings):
        places[found[0]].problem(
            f"creating {' creates '.join(found)} without end, by the reactions to their events",
            "remove one of the reactions",
        )
