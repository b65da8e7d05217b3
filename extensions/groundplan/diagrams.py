"""Mermaid diagrams of the product. Every text of an answer goes through `label`, and every node's id is made here,
so that neither hostile texts nor names such as `end` or `title` can break a diagram."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from datetime import date, timedelta
from functools import wraps
from typing import ParamSpec

from .domain import Entity, ExternalApi, Field, Item, Product, Service, ValueObject
from .plan import Calendar, Plan
from .provenance import QuestionNames, track, tracked, tracking
from .text import line

_PLAIN = re.compile(r"[^A-Za-z0-9 ,.()/'?!+=\u00c0-\u024f-]")


P = ParamSpec("P")


@tracked(lambda it, part: it.because_of if part == "source" else ())
@dataclass(frozen=True)
class Diagram:
    """A diagram and the sentence that says what it shows."""

    title: str
    source: str
    because_of: QuestionNames = dataclass_field(default=frozenset(), compare=False)
    """The questions whose answers it was made from."""


def drawn(draw: Callable[P, Diagram]) -> Callable[P, Diagram]:
    """Record the answers that a diagram depends on."""

    @wraps(draw)
    def remembering(*args: P.args, **kwargs: P.kwargs) -> Diagram:
        with tracking() as answers:
            diagram = draw(*args, **kwargs)
        track(*answers)
        return replace(diagram, because_of=frozenset(answers))

    return remembering


def label(value: object, limit: int = 90) -> str:
    """One line of text for a quoted Mermaid label: what Mermaid could read as syntax becomes a character code."""
    text = line(value)
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return _PLAIN.sub(lambda found: f"#{ord(found[0])};", text) or "-"


@drawn
def context(product: Product, personas: Sequence[Item], systems: Sequence[Item] = ()) -> Diagram:
    """Who uses the system, what it uses, and what it works with; nothing where all that is unknown."""
    lines = ["flowchart LR"]
    lines += [f'  persona{n}(["{label(persona.name)}"])' for n, persona in enumerate(personas, 1)]
    lines.append(f'  system["{label(product.name)}"]')
    lines += [f'  {_api(api)}[/"{label(api.name)}"/]' for api in product.external_apis]
    lines += [f'  persona{n} -->|"{label(persona.text or "uses")}"| system' for n, persona in enumerate(personas, 1)]
    lines += [f'  system -->|"{label(api.purpose or "calls")}"| {_api(api)}' for api in product.external_apis]
    for n, it in enumerate(systems, 1):
        lines.append(f'  external{n}[["{label(it.name)}"]]')
        ends = ("system", f"external{n}") if it.get("direction") == "out" else (f"external{n}", "system")
        arrow = {"in": "-->", "out": "-->", "both": "<-->"}.get(str(it.get("direction")), "---")
        lines.append(f'  {ends[0]} {arrow}|"{label(it.text or "works with it")}"| {ends[1]}')
    shown = lines if len(lines) > len(["flowchart LR", "system"]) else []
    return Diagram(f"Who uses {product.name}, and what it calls", "\n".join(shown))


@drawn
def containers(
    product: Product,
    store: str,
    ports: Mapping[str, int],
    broker: str = "",
    *,
    one_process: bool,
    one_store: str = "",
    gateway: tuple[str, int] | None = None,
) -> Diagram:
    """The processes with their services, databases and broker, and the external APIs that they use.

    `one_store` tells how they share a store, where they do.
    """
    lines = ["flowchart LR"]
    if one_process:
        port = next(iter(ports.values()), None)
        lines.append(f'  subgraph process["{label(product.name)}, one process{f", port {port}" if port else ""}"]')
    for service in product.services:
        port = None if one_process else ports.get(service.name)
        lines.append(f'  {_node(service)}["{label(service.name)}{f", port {port}" if port else ""}"]')
    if one_process:
        lines.append("  end")
    keeping = [service for service in product.services if service.entities or service.copies]
    if one_store and keeping:
        lines.append(f'  store[("{label(store)}, {label(one_store)}")]')
        lines += [f"  {_node(service)} --- store" for service in keeping]
    else:
        lines += [f'  {_node(service)} --- {_node(service)}_db[("{label(store)}")]' for service in keeping]
    lines += [f'  {_api(api)}[/"{label(api.name)}"/]' for api in product.external_apis]
    lines += [
        f"  s_{user} --> {_api(api)}"
        for api in product.external_apis
        for user in api.used_by
        if user in product.by_name
    ]
    heard = ((event.service, product.subscribers(event.name)) for event in product.events.values())
    at_broker = {
        name for owner, subscribers in heard if subscribers for name in (owner, *(it.name for it in subscribers))
    }
    at_broker |= {name for it in product.workflows for name in (it.service, *(step.service for step in it.steps))}
    if broker and at_broker:
        lines.append(f'  broker[["{label(broker)}"]]')
        lines += [f"  {_node(it)} --- broker" for it in product.services if it.name in at_broker]
    lines += _gateway(product, gateway) if gateway else ()
    return Diagram("Processes, their stores, and the APIs of others", "\n".join(lines))


@drawn
def dependencies(product: Product, uncached: str = "") -> Diagram:
    """Which service asks which for what, and which subscribes to what: solid arrows are calls, dotted ones events.

    `uncached` says for which records it matters that their owner is unavailable, if not for all.
    """
    nodes = " & ".join(f'{_node(it)}["{label(it.name)}"]' for it in product.services)
    edges = tuple(_edges(product, uncached))
    lines = ["flowchart LR", f"  {nodes}", *edges] if edges else []
    return Diagram("Calls (solid) and events (dotted)", "\n".join(lines))


def _gateway(product: Product, gateway: tuple[str, int]) -> Iterator[str]:
    """The edge process with its port, and the services behind it."""
    name, port = gateway
    yield f'  entrance(["{label(name)}, port {port}"])'
    yield from (f"  entrance --> {_node(it)}" for it in product.services if it.exposure == "public")


def _edges(product: Product, uncached: str) -> Iterator[str]:
    for service in product.services:
        checks = product.checks(service)
        for call in product.calls(service):
            asked = ", ".join(it.entity.name for it in checks if it.owner == call.service)
            without = "refuses without" if call.when_unavailable == "refuse" else "goes on without"
            lately = f", if {uncached}" if uncached and call.when_unavailable == "refuse" else ""
            what = f"asks for {asked}, {without}{lately}" if asked else without
            yield f'  {_node(service)} -->|"{label(what, 300)}"| s_{call.service}'
    messages: dict[tuple[str, str], list[str]] = {}
    for event in product.events.values():
        for subscriber in product.subscribers(event.name):
            messages.setdefault((event.service, subscriber.name), []).append(event.name)
    for workflow in product.workflows:
        for step in workflow.steps:
            messages.setdefault((workflow.service, step.service), []).append(f"{workflow.name}: {step.creates}")
    for (sender, receiver), events in messages.items():  # one arrow for all, as the labels of several would overlap
        yield f'  s_{sender} -.->|"{label(", ".join(events), 300)}"| s_{receiver}'


@drawn
def entities(product: Product) -> Diagram:
    """Entities with their keepers, value objects, and what refers to what; nothing where nothing does."""
    holders: tuple[Entity | ValueObject, ...] = (*product.entities.values(), *product.values)
    lines = ["erDiagram"]
    lines += [f'  e_{it.name}["{it.name}, {label(it.service)}"]' for it in product.entities.values()]
    lines += [f'  e_{it.name}["{it.name}"]' for it in product.values]
    lines += [
        f'  e_{holder.name} {_cardinality(field)} e_{field.type.target} : "{field.name}"'
        for holder in holders
        for field in holder.fields
        if field.type.target
    ]
    refers = any(field.type.target for holder in holders for field in holder.fields)
    return Diagram("Entities, value objects and references", "\n".join(lines) if refers else "")


def _cardinality(field: Field) -> str:
    return "}o--o{" if field.type.many else "}o--o|" if field.type.optional else "}o--||"


@drawn
def gantt(plan: Plan) -> Diagram:
    """The plan over working days, or over dates where a start is answered; critical tasks are marked."""
    lines = ["gantt", "  dateFormat YYYY-MM-DD", *_axis(plan), *_excluded(plan)]
    for phase in plan.phases:
        lines.append(f"  section {label(phase.name)}")
        for slot in phase.slots:
            marks = [*(["crit"] if slot.critical else []), *([] if slot.task.length else ["milestone"])]
            lines.append(_bar(plan, slot.task.title, marks, *plan.span(slot.turn)))
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


def _bar(plan: Plan, title: str, marks: Sequence[str], first: int, last: int) -> str:
    """A bar over working days to the end of the last; Mermaid puts a milestone into the middle of its one day.

    It has both days, because Mermaid writes the title next to a bar that it has to make longer by days without work.
    """
    begins, ends = (plan.dated(it) or Calendar(7).working_day(NEW_YEAR, it) for it in (first, last))
    end = min(ends, date.max - timedelta(days=1)) + timedelta(days=1)
    return f"  {_title(title)} :{', '.join([*marks, begins.isoformat(), end.isoformat()])}"


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


def _node(service: Service) -> str:
    return f"s_{service.name}"


def _api(api: ExternalApi) -> str:
    return f"api_{_slug(api.name)}"


def _slug(text: str) -> str:
    return re.sub(r"\W", "_", text)
