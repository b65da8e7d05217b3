"""The classes of a service's models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..domain import Entity, Field, Product, Service, Type
from ..formatting import assignment, wrap
from ..provenance import tracked
from ..text import possessive
from .entities import EntityCode
from .events import EventCode
from .fields import FieldCode, field_codes
from .python import dict_literal


@tracked(lambda _, __: ("data_entities", "services"))
@dataclass(frozen=True)
class ClassCode:
    """A Pydantic class."""

    name: str
    doc: str
    fields: tuple[FieldCode, ...] = ()
    bases: str = "common.Model"
    lines: tuple[str, ...] = ()
    """What its body has besides fields."""

    @property
    def header(self) -> str:
        return wrap(f"class {self.name}({self.bases}):")


def model_classes(
    product: Product,
    service: Service,
    entities: Sequence[EntityCode],
    events: Sequence[EventCode],
) -> tuple[ClassCode, ...]:
    """The classes of a service's `models.py`, each after those that it uses."""
    views = _views(product, service, entities)
    return (
        *_value_objects(product, service, events, views),
        *(it for entity in entities for it in _entity_classes(entity)),
        *views,
        *(_event_class(product, service, it) for it in events),
    )


def _event_class(product: Product, service: Service, code: EventCode) -> ClassCode:
    event, entity = code.event, product.entities[code.event.entity]
    former = _former_names(entity, event.fields) if event.service != service.name else ()
    doc = f"`{event.name}`, which {event.service} publishes."
    return ClassCode(code.class_name, doc, code.fields, "envelope.Event", former)


def _former_names(entity: Entity, fields: Iterable[Field]) -> tuple[str, ...]:
    """What a class says of the names that fields of an entity had, if it has any of these."""
    names = {it.name for it in fields}
    former = {old: new for old, new in entity.former_names if new in names}
    return (assignment("former_names: ClassVar[Mapping[str, str]]", dict_literal(former)),) if former else ()


def _entity_classes(entity: EntityCode) -> Iterator[ClassCode]:
    sent = f"The fields a caller sends to create or replace {entity.with_article}."
    yield ClassCode(f"{entity.name}Draft", sent, entity.sent_fields)
    bases = f"common.Record, {entity.name}Draft"
    if entity.answer != entity.name:
        shown = f"What callers see of {entity.with_article}."
        yield ClassCode(entity.answer, shown, field_codes(entity.entity.shown), "common.Record")
        bases = f"{entity.name}Draft, {entity.answer}"
    yield ClassCode(entity.name, f"A stored {entity.words}.", entity.system_fields, bases)
    if entity.query:
        yield ClassCode(
            f"{entity.name}Query",
            f"How callers list {entity.many_words}.",
            bases="listing.ListQuery",
            lines=entity.query,
        )


def _views(product: Product, service: Service, entities: Sequence[EntityCode]) -> tuple[ClassCode, ...]:
    """The entities of other services that a service looks up."""
    lookups = (lookup for entity in entities for lookup in entity.lookups)
    targets = {it.target.name: it.target for it in lookups if it.target.service != service.name}
    return tuple(_view(target, service, product.fields_known_to(service, target)) for target in targets.values())


def _view(target: Entity, service: Service, fields: tuple[Field, ...]) -> ClassCode:
    doc = f"The part of {possessive(target.service)} {target.name} that {service.name} uses."
    known = field_codes((Field("id", Type("uuid")), *fields))
    return ClassCode(target.name, doc, known, "common.View", _former_names(target, fields))


def _value_objects(
    product: Product, service: Service, events: Sequence[EventCode], views: Sequence[ClassCode]
) -> tuple[ClassCode, ...]:
    """The value objects that the other classes use, each after those that it contains."""
    stored = _embedded(product, (entity.fields for entity in service.entities))
    read = (*(it.event.fields for it in events), *(tuple(code.field for code in view.fields) for view in views))
    return tuple(
        ClassCode(
            name,
            f"A value object: part of what {service.name} {'keeps' if name in stored else 'reads'}.",
            field_codes(product.value_objects[name].fields, limited=name in stored),
            "common.Model" if name in stored else "common.View",
        )
        for name in stored | _embedded(product, read)
    )


def _embedded(product: Product, groups: Iterable[tuple[Field, ...]]) -> dict[str, None]:
    """The names of the value objects in fields, in order of dependence."""
    found: dict[str, None] = {}
    for fields in groups:
        for field in fields:
            if field.type.kind == "value" and field.type.target not in found:
                value = product.value_objects[field.type.target]
                found |= _embedded(product, [value.fields])
                found[value.name] = None
    return found
