"""Mermaid diagrams of the product. Every text of an answer goes through `label`, and every node's id is made here,
so that neither hostile texts nor names such as `end` or `title` can break a diagram."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from datetime import date, timedelta
from functools import wraps
from typing import ParamSpec

from .codegen import article
from .domain import Entity, Event, ExternalApi, Field, Item, Product, Service, Value
from .plan import Calendar, Plan
from .provenance import Names, note, noting, told
from .text import line

ANSWERS = {"create": 201, "update": 200, "delete": 204}
"""What an operation is answered with."""

_PLAIN = re.compile(r"[^A-Za-z0-9 ,.()/'?!+=\u00c0-\u024f-]")


P = ParamSpec("P")


@told(lambda it, part: it.answers if part == "source" else ())
@dataclass(frozen=True)
class Diagram:
    """A diagram and the sentence that says what it shows."""

    title: str
    source: str
    about: str = ""
    """The event, or the caller and the entity that it asks for."""
    answers: Names = dataclass_field(default=frozenset(), compare=False)
    """What it was drawn from."""


def drawn(draw: Callable[P, Diagram]) -> Callable[P, Diagram]:
    """Let a diagram remember what it was drawn from."""

    @wraps(draw)
    def remembering(*args: P.args, **kwargs: P.kwargs) -> Diagram:
        with noting() as answers:
            diagram = draw(*args, **kwargs)
        note(*answers)
        return replace(diagram, answers=frozenset(answers))

    return remembering


def label(value: object, limit: int = 90) -> str:
    """One line of text for a quoted Mermaid label: what Mermaid could read as syntax becomes a character code."""
    text = line(value)
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return _PLAIN.sub(lambda found: f"#{ord(found[0])};", text) or "-"


@drawn
def context(product: Product, personas: Sequence[Item], systems: Sequence[Item] = ()) -> Diagram:
    """Who uses the system, what it uses, and what it works with."""
    lines = ["flowchart LR"]
    lines += [f'  persona{n}(["{label(persona.name)}"])' for n, persona in enumerate(personas, 1)]
    lines.append(f'  system["{label(product.name)}"]')
    lines += [f'  {_api(api)}[/"{label(api.name)}"/]' for api in product.external_apis]
    lines += [f'  persona{n} -->|"{label(persona.text or "uses")}"| system' for n, persona in enumerate(personas, 1)]
    lines += [f'  system -->|"{label(api.purpose or "calls")}"| {_api(api)}' for api in product.external_apis]
    for n, it in enumerate(systems, 1):
        lines.append(f'  neighbour{n}[["{label(it.name)}"]]')
        ends = ("system", f"neighbour{n}") if it.get("direction") == "out" else (f"neighbour{n}", "system")
        arrow = {"in": "-->", "out": "-->", "both": "<-->"}.get(str(it.get("direction")), "---")
        lines.append(f'  {ends[0]} {arrow}|"{label(it.text or "works with it")}"| {ends[1]}')
    return Diagram(f"Who uses {product.name}, and what it calls", "\n".join(lines))


@drawn
def containers(product: Product, store: str, *, one_process: bool) -> Diagram:
    """The services with their stores; solid arrows are calls, dotted ones events."""
    lines = ["flowchart LR"]
    if one_process:
        lines.append(f'  subgraph process["{label(product.name)}, one process"]')
    for service in product.services:
        port = f", port {service.port}" if service.port and not one_process else ""
        lines.append(f'  {_node(service)}["{label(service.name)}{port}"]')
    if one_process:
        lines.append("  end")
    for service in product.services:
        if service.entities or service.copies:
            lines.append(f'  {_node(service)}_db[("{label(store)}")]')
            lines.append(f"  {_node(service)} --- {_node(service)}_db")
    lines += [f'  {_api(api)}[/"{label(api.name)}"/]' for api in product.external_apis]
    lines += _edges(product)
    return Diagram("Services, their stores, calls (solid) and events (dotted)", "\n".join(lines))


def _edges(product: Product) -> Iterator[str]:
    for service in product.services:
        for dependency in service.depends_on:
            yield f'  {_node(service)} -->|"{dependency.when_away} when away"| s_{dependency.service}'
    told: dict[tuple[str, str], list[str]] = {}
    for event in product.events.values():
        for subscriber in product.subscribers(event.name):
            told.setdefault((event.service, subscriber.name), []).append(event.name)
    for (owner, hearer), events in told.items():  # one arrow for all, as the labels of several would overlap
        yield f'  s_{owner} -.->|"{label(", ".join(events), 300)}"| s_{hearer}'
    for api in product.external_apis:
        for user in api.used_by:
            if user in product.by_name:
                yield f"  s_{user} --> {_api(api)}"


@drawn
def entities(product: Product) -> Diagram:
    """Entities with their keepers, value objects, and what refers to what; fields are in the specifications."""
    holders: tuple[Entity | Value, ...] = (*product.entities.values(), *product.values)
    lines = ["erDiagram"]
    lines += [f'  e_{it.name}["{it.name}, {label(it.service)}"]' for it in product.entities.values()]
    lines += [f'  e_{it.name}["{it.name}"]' for it in product.values]
    lines += [
        f'  e_{holder.name} {_cardinality(field)} e_{field.type.target} : "{field.name}"'
        for holder in holders
        for field in holder.fields
        if field.type.target
    ]
    return Diagram("Entities, value objects and references", "\n".join(lines))


def _cardinality(field: Field) -> str:
    return "}o--o{" if field.type.many else "}o--o|" if field.type.optional else "}o--||"


@drawn
def event_sequence(product: Product, event: Event) -> Diagram:
    """What happens from the request that causes an event to its last subscriber."""
    owner, entity = event.service, product.entities[event.entity]
    subscribers = product.subscribers(event.name)
    lines = [
        "sequenceDiagram",
        "  autonumber",
        "  participant caller as Caller",
        f"  participant s_{owner} as {label(owner)}",
        *(f"  participant {_node(service)} as {label(service.name)}" for service in subscribers),
        f"  caller->>s_{owner}: {label(_request(entity, event.operations[0]))}",
        f"  s_{owner}->>s_{owner}: {label(f'store {entity.words} and {event.name} together')}",
        f"  s_{owner}-->>caller: {ANSWERS[event.operations[0]]}",
    ]
    for service in subscribers:
        lines.append(f"  s_{owner}-){_node(service)}: {label(event.name)}")
        lines += [f"  {_node(service)}->>{_node(service)}: {label(action)}" for action in _handling(service, event)]
    if subscribers:
        lines += [
            "  alt who hears it is away",
            f"    s_{owner}->>s_{owner}: keep it and try again, in order",
            "  else it is refused for good",
            f"    s_{owner}->>s_{owner}: set it aside and log an error",
            "  end",
        ]
    heard = ", ".join(service.name for service in subscribers) or "nobody yet"
    return Diagram(f"{event.name}, heard by {heard}", "\n".join(lines), event.name)


def _handling(service: Service, event: Event) -> Iterator[str]:
    for reaction in service.reactions:
        if reaction.event == event.name:
            yield f"create {reaction.creates}, once per event"
    for copy in service.copies:
        if event.implied and copy.entity == event.entity:
            yield f"renew its copy of {copy.entity}"


@drawn
def call_sequence(caller: Service, owner: Service, entity: Entity, when_away: str) -> Diagram:
    """How a reference to another service's entity is checked, and what happens when its owner is away."""
    away = "503, nothing stored" if when_away == "refuse" else "stored unchecked"
    lines = [
        "sequenceDiagram",
        "  autonumber",
        "  participant client as Caller",
        f"  participant {_node(caller)} as {label(caller.name)}",
        f"  participant {_node(owner)} as {label(owner.name)}",
        f"  client->>{_node(caller)}: {label(f'write that names {article(entity.words)}')}",
        f"  {_node(caller)}->>{_node(owner)}: {label(f'GET /v1/{entity.collection}/id')}",
        "  alt known",
        f"    {_node(owner)}-->>{_node(caller)}: 200",
        f"    {_node(caller)}-->>client: stored",
        "  else unknown",
        f"    {_node(owner)}-->>{_node(caller)}: 404",
        f"    {_node(caller)}-->>client: 409",
        "  else no answer in time",
        f"    {_node(caller)}-->>client: {label(away)}",
        "  end",
    ]
    title = f"{caller.name} checks {article(entity.words)} with {owner.name}"
    return Diagram(title, "\n".join(lines), f"{caller.name} {entity.name}")


def _request(entity: Entity, operation: str) -> str:
    return {
        "create": f"POST /v1/{entity.collection}",
        "update": f"PUT /v1/{entity.collection}/id",
        "delete": f"DELETE /v1/{entity.collection}/id",
    }[operation]


@drawn
def gantt(plan: Plan) -> Diagram:
    """The plan over working days, or over dates where a start is answered; critical tasks are marked."""
    lines = ["gantt", "  dateFormat YYYY-MM-DD", *_axis(plan), *_excluded(plan)]
    for phase in plan.phases:
        lines.append(f"  section {label(phase.name)}")
        for slot in phase.slots:
            marks = ["crit"] if slot.critical else []
            first, last = plan.span(slot.turn)
            if slot.task.length:
                lines.append(_bar(plan, slot.task.title, marks, first, last))
            else:
                lines.append(_bar(plan, slot.task.title, [*marks, "milestone"], last, last, stands=True))
    if plan.buffer_percent:
        last = math.ceil(plan.total_days) - 1
        first = min(last, plan.last_day(plan.levelled_hours) + 1)
        lines += ["  section Buffer", _bar(plan, f"{plan.buffer_days:g} days", [], first, last)]
    return Diagram(f"{len(plan.tasks)} tasks, levelled for {plan.team.size}", "\n".join(lines))


NEW_YEAR = date(2001, 1, 1)
"""Day 1 of a plan whose start nobody has answered: the axis shows its place in the year."""

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

STATEMENT = re.compile(
    r"acc\w+|axisFormat|call|click|dateFormat|excludes|gantt|href|in\w+|section|tickInterval|title|todayMarker|topAxis"
    r"|week\w+|\d{4}-",
    re.IGNORECASE,
)
"""What Mermaid may take for a statement where a bar begins."""


def _bar(plan: Plan, title: str, marks: Sequence[str], first: int, last: int, stands: bool = False) -> str:
    """A bar over working days to the end of the last, or what `stands` there.

    It has both days, because Mermaid writes the title beside a bar that it has to make longer by days without work.
    """
    begins, ends = (plan.dated(it) or Calendar(7).working_day(NEW_YEAR, it) for it in (first, last))
    end = min(ends, date.max - timedelta(days=1)) + timedelta(days=1)
    dates = (end if stands else begins).isoformat(), end.isoformat()
    return f"  {_title(title)} :{', '.join([*marks, *dates])}"


def _title(text: str) -> str:
    """A label that begins with no statement."""
    written = label(text, 60)
    return f"#{ord(written[0])};{written[1:]}" if STATEMENT.match(written) else written


def _axis(plan: Plan) -> Iterator[str]:
    """Dates; else numbers of days, each once."""
    if plan.timeline.start:
        yield "  axisFormat %d %b"
    else:
        yield "  axisFormat day %j"
        yield f"  tickInterval {'1week' if plan.is_long else '1day'}"


def _excluded(plan: Plan) -> Iterator[str]:
    """The days without work, which Mermaid shades."""
    if plan.timeline.start and plan.ends:
        free = [it.isoformat() for it in plan.off if plan.timeline.start <= it <= plan.ends]
        if names := [*WEEK[plan.team.days_per_week :], *free]:
            yield f"  excludes {', '.join(names)}"


def sequences(product: Product, service: Service) -> Iterator[Diagram]:
    """A diagram per event of a service that somebody hears, and one per entity that it asks another service about."""
    for event in service.events:
        if product.subscribers(event.name):
            yield event_sequence(product, event)
    for owner, entity, when_away in checked(product, service):
        yield call_sequence(service, owner, entity, when_away)


def checked(product: Product, service: Service) -> tuple[tuple[Service, Entity, str], ...]:
    """The entities of other services whose owners `service` asks on a write, and what it does while they are away."""
    copied = {copy.entity for copy in service.copies}
    behaviour = {dependency.service: dependency.when_away for dependency in service.depends_on}
    named = [target for entity in service.entities for target in referred(product, entity.fields)]
    return tuple(
        (product.by_name[entity.service], entity, behaviour[entity.service])
        for entity in (product.entities[name] for name in dict.fromkeys(named))
        if entity.service in behaviour and entity.name not in copied
    )


def referred(product: Product, fields: Sequence[Field]) -> Iterator[str]:
    """The entities that fields refer to, directly or inside value objects."""
    for field in fields:
        if field.type.kind == "reference":
            yield field.type.target
        elif field.type.kind == "value":
            yield from referred(product, product.value_objects[field.type.target].fields)


def _node(service: Service) -> str:
    return f"s_{service.name}"


def _api(api: ExternalApi) -> str:
    return f"api_{_slug(api.name)}"


def _slug(text: str) -> str:
    return re.sub(r"\W", "_", text)
