"""Entities and value objects: `catalog.Book(title: str, price: money)`, or in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import names
from ..domain import Entity, Field, Value, pascal, plural
from ..text import quoted
from . import grammar
from .grammar import EntityLine, FieldLine, Malformed
from .node import Node
from .types import Mistyped, UnknownType, default_of, type_of

EXAMPLE = "catalog.Book(title: str, price: money)"
KEYS = ("name", "owner", "fields", "kind")


@dataclass(frozen=True)
class Declared:
    """A declaration, and where it stands."""

    line: EntityLine
    node: Node


@dataclass(frozen=True)
class Owners:
    """Who keeps what: the services' names, and what each says that it owns."""

    services: tuple[str, ...]
    owns: Mapping[str, str]

    def of(self, declared: Declared) -> str:
        """The service that keeps an entity; empty, with a problem, when nobody can tell."""
        line, node = declared.line, declared.node
        owner = line.owner or self.owns.get(line.name, "") or (self.services[0] if len(self.services) == 1 else "")
        if not owner:
            known = self.services[0] if self.services else "service"
            node.problem(f"does not say which service keeps {line.name}", f"write '{known}.{line.name}(...)'")
        elif owner not in self.services:
            what, way_out = f"keeps {line.name}, and is no service", add_service(owner, self.services)
            node.unknown(owner, what, self.services, way_out, is_service=True)
            return ""
        elif self.owns.get(line.name, owner) != owner:
            node.problem(
                f"is kept by {quoted(owner)}, but {quoted(self.owns[line.name])} says that it owns {line.name}",
                "name one owner",
            )
        return owner


def add_service(name: str, services: Sequence[str]) -> str:
    """The way out for a service that nobody declared."""
    others = f", or name one of {', '.join(services)}" if len(services) <= 6 else ""
    return f"add {quoted(name)} to services{others}"


def declarations(answer: Node) -> tuple[Declared, ...]:
    """What is declared, name by name; one that cannot be read is reported and left out."""
    found: dict[str, Declared] = {}
    for item in _listed(answer):
        line = _declaration(item)
        if line is None:
            continue
        fault_in = names.entity if line.is_value else _fault_in
        if fault := fault_in(line.name):
            better = names.another_entity(line.name, fault_in)
            item.report.skip(f"{line.name} {pascal(line.name)}")
            item.problem(f"{quoted(line.name)} {fault}", f"choose another name, e.g. {better}")
        elif line.name in found:
            item.problem(f"{line.name} is declared twice", "give one of the two another name, or remove it")
        else:
            found[line.name] = Declared(line, item)
    return tuple(found.values())


def resolve(declared: Sequence[Declared], owners: Owners) -> tuple[tuple[Entity, ...], tuple[Value, ...]]:
    """Give every declaration its fields with types, and every entity its service."""
    named = {item.line.name: "value" if item.line.is_value else "reference" for item in declared}
    entities: list[Entity] = []
    values: list[Value] = []
    for item in declared:
        fields = resolve_fields(item.line.fields, named, item.node)
        if not item.line.fields:
            item.node.problem(f"{item.line.name} has no fields", f"give it some, e.g. '{EXAMPLE}'")
        if item.line.is_value:
            values.append(Value(item.line.name, fields))
        else:
            entities.append(Entity(item.line.name, owners.of(item), fields))
    _refuse_one_address_for_two(entities, declared)
    return tuple(entities), tuple(values)


def resolve_fields(lines: Sequence[FieldLine], named: Mapping[str, str], node: Node) -> tuple[Field, ...]:
    """Fields with their types; one that makes no sense is reported and left out."""
    fields: dict[str, Field] = {}
    for line in lines:
        if fault := names.field(line.name):
            better = names.another_field(line.name)
            node.problem(f"field {quoted(line.name)} {fault}", f"choose another name, e.g. {better}")
        elif line.name in fields:
            node.problem(f"field {quoted(line.name)} is there twice", "remove one of the two")
        elif line.type is not None:
            try:
                type_ = type_of(line.type, named)
                default = None if line.default is None else default_of(line.default, type_)
            except UnknownType as unknown:
                node.report.skip(line.name)
                node.report.unknown(node.path, unknown.name, f"field {quoted(line.name)} {unknown}", unknown.fix)
            except Mistyped as fault_in_type:
                node.report.skip(line.name)
                node.problem(f"field {quoted(line.name)} {fault_in_type}", fault_in_type.fix)
            else:
                fields[line.name] = Field(line.name, type_, default)
    return tuple(fields.values())


def _listed(answer: Node) -> list[Node]:
    """The items; a mapping of one key that holds a bracket is a single unquoted line."""
    value = answer.value
    if isinstance(value, Mapping) and not set(value) & set(KEYS) and len(value) > 1:
        answer.problem("is a mapping, not a list", f'write one entity a line: - "{EXAMPLE}"')
        return []
    return list(answer.each())


def _declaration(item: Node) -> EntityLine | None:
    try:
        if isinstance(item.value, Mapping) and set(item.value) & set(KEYS):
            return _in_full(item)
        text = item.line(EXAMPLE)
        return grammar.entity_line(text) if text else None
    except Malformed as fault:
        item.report.skip(item.value)
        item.problem(str(fault), f'write it like "{EXAMPLE}", in quotes')
        return None


def _in_full(item: Node) -> EntityLine | None:
    parts = item.keys(KEYS)
    name = parts["name"].text("Book") if "name" in parts else ""
    owner = parts["owner"].text("catalog") if "owner" in parts else ""
    kind = parts["kind"].choice(("entity", "value"), "entity") if "kind" in parts else "entity"
    fields = _fields_in_full(parts["fields"]) if "fields" in parts else ()
    if not name:
        item.problem("has no name", "give it one")
        return None
    return EntityLine(name, owner, fields, kind == "value")


def _fields_in_full(node: Node) -> tuple[FieldLine, ...]:
    """`{title: str}`, `[title: str]` or `title: str, price: money`."""
    lines: list[FieldLine] = []
    parts = (
        [node.at("", {key: value}) for key, value in node.value.items()]
        if isinstance(node.value, Mapping)
        else node.each()
    )
    for part in parts:
        if text := part.line("title: str"):
            lines.extend(grammar.field_lines(text))
    return tuple(lines)


def _fault_in(entity: str) -> str:
    """Why this is no name for an entity, whose records need a table, or an empty string."""
    return names.entity(entity) or names.table(entity)


def _refuse_one_address_for_two(entities: Sequence[Entity], declared: Sequence[Declared]) -> None:
    """Two names may differ and still have one plural: `Box` and `Boxe`."""
    places = {item.line.name: item.node for item in declared}
    taken: dict[str, str] = {}
    for entity in entities:
        first = taken.setdefault(plural(entity.snake), entity.name)
        if first != entity.name:
            places[entity.name].problem(
                f"{entity.name} and {first} would both be found under /{entity.collection}",
                "rename one of the two",
            )
