"""What services say to each other: events, read copies and reactions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from .. import names
from ..domain import OPERATIONS, Entity, Event, Field, Reaction, ReadCopy, Source, Type
from ..field_types import FLAGS
from ..text import all_of, quoted
from . import grammar
from .grammar import EventLine, KeepLine, Malformed, ReactionLine, Text
from .node import Node
from .types import Mistyped, field_named, fits, literal_of

EVENT_KEYS = ("name", "operations", "entity", "fields", "because")
EVENT_REQUIRED = EVENT_KEYS[:3]
REACTION_KEYS = ("event", "create", "with")
KEEP_KEYS = ("keep", "because")
EVENT_EXAMPLE = "order.placed on create Order"
REACTION_EXAMPLE = "on order.placed: create Notification(recipient: customer)"

Subscription = KeepLine | ReactionLine
Entities = Mapping[str, Entity]
T = TypeVar("T")


def events(answer: Node, service: str, entities: Entities) -> Iterator[tuple[Node, Event]]:
    """The events that a service publishes, each with its place."""
    for node in answer.each():
        line = line_of(node, EVENT_KEYS, grammar.event_line, _event_in_full, f'"{EVENT_EXAMPLE}"', EVENT_REQUIRED)
        if line and (event := _event(node, line, service, entities)):
            yield node, event
        else:
            node.report.skip(line.name if line else node.value)


def subscriptions(answer: Node) -> Iterator[tuple[Node, Subscription]]:
    """What a service hears, as it was written, each with its place."""
    examples = f'"{REACTION_EXAMPLE}" or "keep Book"'
    for node in answer.each():
        if isinstance(node.value, Mapping) and len(node.value) > 1 and "keep" in node.value:
            parts = node.keys(KEEP_KEYS)
            because = parts["because"].text("billing prints the name") if "because" in parts else ""
            yield node, KeepLine(parts["keep"].text("Book"), because)
        elif line := line_of(node, REACTION_KEYS, grammar.subscription_line, _reaction_in_full, examples):
            yield node, line


def copies(
    heard: Iterable[tuple[Node, Subscription]], service: str, entities: Entities
) -> Iterator[tuple[Node, ReadCopy]]:
    """The copies that a service keeps of what others own, each with its place."""
    kept: set[str] = set()
    for node, line in heard:
        if not isinstance(line, KeepLine) or not (entity := entity_named(node, line.entity, entities)):
            continue
        if entity.service == service:
            node.problem(f"keeps a copy of {entity.name}, which is its own", "remove it")
        elif entity.name in kept:
            node.problem(f"keeps {entity.name} twice", "remove one of the two")
        else:
            kept.add(entity.name)
            if line.because:
                _refuse_idle_reason(node, f"the copy of {entity.name}", entity.shown)
            yield node, ReadCopy(entity.name, entity.service, line.because)


def refuse_unexplained_copies(kept: Iterable[tuple[Node, ReadCopy]]) -> None:
    """What feeds one copy of an entity feeds each: where one has its sensitive data, each says why."""
    every = [(node, copy) for node, copy in kept]
    for node, copy in every:
        if not copy.because and any(it.entity == copy.entity and it.because for _, it in every):
            node.problem(
                f"keeps {copy.entity} without a reason, and is sent its sensitive data, which another copy has",
                f"say why here, too: 'keep {copy.entity} because ...', or take the reason away there",
            )


def feeding(entity: Entity, because: str = "") -> tuple[Event, Event]:
    """The events that keep copies of an entity up to date; nobody declares them."""
    return (
        Event(
            f"{entity.snake}.saved",
            entity.service,
            entity.name,
            OPERATIONS[:2],
            entity.shown if because else entity.carried,
            because,
            implied=True,
        ),
        Event(
            f"{entity.snake}.removed",
            entity.service,
            entity.name,
            OPERATIONS[2:],
            entity.shown if because else entity.carried,
            because,
            implied=True,
        ),
    )


def reactions(
    heard: Iterable[tuple[Node, Subscription]],
    service: str,
    known: Mapping[str, Event],
    entities: Entities,
) -> Iterator[Reaction]:
    """What a service does about the events of others."""
    events_heard: set[str] = set()
    for node, line in heard:
        if not isinstance(line, ReactionLine) or not (reaction := _reaction(node, line, service, known, entities)):
            continue
        if reaction.event in events_heard:
            node.problem(
                f"{quoted(service)} reacts twice to {quoted(reaction.event)}",
                "keep one; the rules of the first can do the rest",
            )
        else:
            events_heard.add(reaction.event)
            yield reaction


def refuse_duplicates(published: Sequence[tuple[Node, Event]], implied: Sequence[Event]) -> None:
    """Events of one name, also where only the generated code would have them so, get a problem."""
    taken = {event.snake: f"{quoted(event.name)}, which feeds the copies of {event.entity}" for event in implied}
    for node, event in published:
        if event.snake in taken:
            node.problem(
                f"event {quoted(event.name)} is already there: {taken[event.snake]}",
                "rename or remove one",
            )
        taken.setdefault(event.snake, f"{quoted(event.name)} of {quoted(event.service)}")


def line_of(
    node: Node,
    keys: Sequence[str],
    short: Callable[[str], T],
    full: Callable[[Mapping[str, Node]], T],
    examples: str,
    required: Sequence[str] | None = None,
) -> T | None:
    """A line in short or in full, where all keys but the last are `required` unless they are given.

    It is reported and left out when it is neither.
    """
    try:
        if isinstance(node.value, Mapping) and set(node.value) & set(keys):
            parts = node.keys(keys)
            if missing := [key for key in (keys[:-1] if required is None else required) if key not in parts]:
                node.problem(f"has no {missing[0]}", f"add {missing[0]}: ..., or write {examples}")
                return None
            return full(parts)
        text = node.line(examples.strip('"'))
        return short(text) if text else None
    except Malformed as fault:
        node.problem(str(fault), f"write it like {examples}")
        return None


def _event_in_full(parts: Mapping[str, Node]) -> EventLine:
    fields = ", ".join(parts["fields"].texts("customer")) if "fields" in parts else ""
    operations = ", ".join(parts["operations"].texts("create"))
    carried = f"({fields})" if "fields" in parts else ""
    line = grammar.event_line(f"{parts['name'].text()}{carried} on {operations} {parts['entity'].text()}")
    return replace(line, because=parts["because"].text("the courier needs it")) if "because" in parts else line


def _reaction_in_full(parts: Mapping[str, Node]) -> ReactionLine:
    given = parts["with"].value if "with" in parts else None
    mapping: tuple[tuple[str, Text], ...] = ()
    if isinstance(given, Mapping):
        mapping = tuple(
            (name.text("recipient"), grammar.source_line(_written(source)))
            for name, source in (
                (parts["with"].at("", key), parts["with"].under(key, value)) for key, value in given.items()
            )
        )
    elif given is not None:
        parts["with"].problem("is not a mapping", "write {recipient: customer}")
    return ReactionLine(parts["event"].text("order.placed"), parts["create"].text("Notification"), mapping)


def _written(source: Node) -> str:
    """A source as the one-line form has it: YAML turned `true` and `3` into values."""
    value = source.value
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else source.text("customer")


def _event(node: Node, line: EventLine, service: str, entities: Entities) -> Event | None:
    if fault := names.event(line.name):
        node.problem(f"event {quoted(line.name)} {fault}", f'write it like "{EVENT_EXAMPLE}"')
        return None
    entity = entity_named(node, line.entity, entities)
    if entity is None:
        return None
    if entity.service != service:
        node.problem(
            f"event {quoted(line.name)} is about {entity.name}, which {quoted(entity.service)} keeps",
            f"let {quoted(entity.service)} publish it",
        )
        return None
    operations = tuple(operation for operation in OPERATIONS if operation in line.operations)
    carried = _carried(node, line, entity)
    if line.because:
        _refuse_idle_reason(node, f"event {quoted(line.name)}", carried)
    return Event(line.name, service, entity.name, operations, carried, line.because)


def _carried(node: Node, line: EventLine, entity: Entity) -> tuple[Field, ...]:
    """The fields of an event: those of its entity that the line names, or all that it may carry."""
    if line.fields is None:
        return entity.shown if line.because else entity.carried
    carried: dict[str, Field] = {}
    for given in line.fields:
        field = field_named(entity.fields, given.name)
        if field is None:
            no_field(node, given.name, entity)
        elif field.secret:
            node.problem(f"carries {quoted(given.name)}, which is secret", "leave it out")
        elif field.kinds and not line.because:
            node.problem(
                f"carries {quoted(given.name)}, which is {all_of(field.kinds)}",
                f"leave it out, or say why: '{line.name}(...) on ... {entity.name} because ...'",
            )
        elif given.type is not None and str(given.type) != str(field.type):
            node.problem(
                f"field {quoted(given.name)} is {quoted(field.type)} in {entity.name}, not {quoted(given.type)}",
                f"leave the type out: '{line.name}({given.name}) on ...'",
            )
        else:
            carried[given.name] = field
    return tuple(carried.values())


def _refuse_idle_reason(node: Node, what: str, carried: Iterable[Field]) -> None:
    """A reason to carry sensitive data where none is carried misleads those who read it."""
    if not any(it.kinds for it in carried):
        node.problem(
            f"{what} says why it carries sensitive data, and carries none",
            "leave out 'because', or mark the fields that are sensitive in data_entities",
        )


def no_field(node: Node, name: str, entity: Entity) -> None:
    """Report a field that an entity lacks."""
    known = [field.name for field in entity.fields]
    node.unknown(name, f"is not a field of {entity.name}", known, f"add it to {entity.name}")


def entity_named(node: Node, name: str, entities: Entities) -> Entity | None:
    """The entity of that name; reported where there is none."""
    if name not in entities:
        node.unknown(name, "is not a declared entity", entities, "declare it in data_entities")
    return entities.get(name)


def _reaction(
    node: Node, line: ReactionLine, service: str, known: Mapping[str, Event], entities: Entities
) -> Reaction | None:
    event = known.get(line.event)
    if event is None:
        node.unknown(line.event, "is published by nobody", known, "let a service publish it")
    elif event.service == service:
        node.problem(
            f"reacts to {quoted(event.name)}, which is its own",
            f"do it in the rules of {event.entity}, where it happens",
        )
        event = None
    entity = entity_named(node, line.creates, entities)
    if entity is not None and entity.service != service:
        node.problem(
            f"creates {entity.name}, which {quoted(entity.service)} keeps",
            f"let {quoted(entity.service)} react",
        )
        entity = None
    if event is None or entity is None:
        return None
    mapping = tuple(mapped(node, line.mapping, event, entity, entities[event.entity]))
    return Reaction(event.name, entity.name, mapping)


def mapped(
    node: Node, mapping: Iterable[tuple[str, Text]], event: Event, entity: Entity, about: Entity
) -> Iterator[tuple[str, Source]]:
    """Where the fields of a record come from that is created because of an event; what cannot be is reported."""
    seen: set[str] = set()
    for name, written in mapping:
        field = field_named(entity.fields, name)
        if field is None:
            no_field(node, name, entity)
        elif name in seen:
            node.problem(f"gives {quoted(name)} twice", "remove one of the two")
        elif field.system:
            node.problem(
                f"creates {entity.name} with {quoted(name)}, which is system: {quoted(entity.service)} sets it itself",
                f"leave it out, and set it in the rules of {entity.name}",
            )
        elif source := _source(node, written, field, event, about):
            yield name, source
        seen.add(name)
    for field in entity.fields:
        if field.required and field.name not in seen:
            node.problem(
                f"creates {entity.name} without its required field {quoted(field.name)}",
                f"add '{field.name}: ...', make it '{field.type}?' or give it a default",
            )


def _source(node: Node, written: Text, field: Field, event: Event, about: Entity) -> Source | None:
    """Where a value comes from: a field of the event, else a literal of the field's type."""
    carried = {given.name: given.type for given in event.fields} | {"id": Type("reference", event.entity)}
    if not written.quoted and _refuse_sensitive(node, field_named(about.fields, written.text), field, event):
        return None
    if not written.quoted and written.text in carried:
        if fits(carried[written.text], field.type):
            return Source(field=written.text)
        node.problem(
            f"fills {quoted(field.name)}, which is {quoted(field.type)}, from {quoted(written.text)}, "
            f"which is {quoted(carried[written.text])}",
            f"change one of the two types, or use another field of {event.name}",
        )
        return None
    if not written.quoted and _looks_like_a_field(written.text):
        node.unknown(
            written.text,
            f"is not a field of {quoted(event.name)}",
            carried,
            "put it in quotes when you mean the text itself",
        )
        return None
    return _literal(node, written, field, event)


def _refuse_sensitive(node: Node, source: Field | None, target: Field, event: Event) -> bool:
    """Whether a field cannot be filled from another because of the sensitive data in that; it is reported."""
    if source is None or not source.sensitive or source.secret:
        return False
    kinds = all_of(source.kinds)
    if source not in event.fields and not event.because:
        is_workflow = event.name == event.entity
        place = (
            "end the workflow with '; because ...'" if is_workflow else f"end {quoted(event.name)} with 'because ...'"
        )
        node.problem(
            f"fills {quoted(target.name)} from {quoted(source.name)}, which is {kinds} and not told to other services",
            f"say why it is: {place}",
        )
        return True
    if missing := [it for it in source.sensitive if it not in target.kinds]:
        node.problem(
            f"fills {quoted(target.name)} from {quoted(source.name)}, which is {kinds}",
            f"mark {quoted(target.name)} in data_entities: '{target.name}: {target.type} {' '.join(missing)}'",
        )
        return True
    return False


def _looks_like_a_field(text: str) -> bool:
    return not text[0].isdigit() and text[0] not in "+-" and text not in FLAGS


def _literal(node: Node, written: Text, field: Field, event: Event) -> Source | None:
    if field.type.many or field.type.kind in ("reference", "value"):
        node.problem(
            f"fills {quoted(field.name)}, which is {quoted(field.type)}, with {quoted(written.text)}",
            f"use a field of {quoted(event.name)}",
        )
        return None
    try:
        return Source(literal=literal_of(written, field.type))
    except Mistyped as fault:
        node.problem(f"field {quoted(field.name)} {fault}", fault.fix)
        return None
