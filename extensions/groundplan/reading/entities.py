"""Entities and value objects: `catalog.Book(title: str, price: money)`, or in full."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .. import names
from ..domain import (
    API_OPERATIONS,
    CREDENTIALS,
    ON_DELETE,
    SENSITIVE_KINDS,
    Entity,
    Field,
    Listing,
    Type,
    ValueObject,
    pascal,
    plural,
)
from ..field_types import FIELD_TYPES
from ..text import quoted
from . import grammar, listings
from .grammar import FLAG_MARKS, TOGETHER, EntityLine, FieldLine, Malformed, Together
from .node import Node
from .types import Mistyped, UnknownType, default_of, has_few_values, type_of

EXAMPLE = "catalog.Book(title: str, price: money)"
KEYS = ("name", "owner", "fields", "kind", "private", "operations", "list", *TOGETHER)
FIELD_KEYS = ("type", "length", "range", "pattern", "currency", "sensitive", "default", *FLAG_MARKS)
LIST_KEYS = ("filter", "sort", "search")

LONGEST_INDEX = 2_600
"""The bytes of values that a database takes into an index; PostgreSQL refuses a row with more."""


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
            what, way_out = f"keeps {line.name}, and is not a service", add_service(owner, self.services)
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


def resolve(declared: Sequence[Declared], owners: Owners) -> tuple[tuple[Entity, ...], tuple[ValueObject, ...]]:
    """Give every declaration its fields with types, and every entity its service."""
    named = {item.line.name: "value" if item.line.is_value else "reference" for item in declared}
    resolved = {item.line.name: resolve_fields(item.line.fields, named, item.node) for item in declared}
    entities: list[Entity] = []
    values: list[ValueObject] = []
    for item in declared:
        fields = tuple(_as_sensitive_as_its_parts(it, resolved) for it in resolved[item.line.name])
        if not item.line.fields:
            item.node.problem(f"{item.line.name} has no fields", f"give it some, e.g. '{EXAMPLE}'")
        if item.line.is_value:
            if item.line.is_private or item.line.operations is not None or item.line.listing:
                item.node.problem(
                    f"{item.line.name} is a value object, which has no operations of its own",
                    "say what callers can do with the entities that contain it",
                )
            _refuse_marks_of_values(item, fields)
            values.append(ValueObject(item.line.name, fields))
        else:
            operations = _operations(item)
            entity = Entity(
                item.line.name,
                owners.of(item),
                fields,
                operations=operations,
                unique_together=_together(item, "unique", fields),
                indexed_together=_together(item, "index", fields),
                listing=listings.checked(item.line, fields, operations, item.node),
            )
            _refuse_indexes(entity, item.node)
            _refuse_marks(entity, item.node)
            entities.append(entity)
    _refuse_one_address_for_two(entities, declared)
    return tuple(entities), tuple(values)


def _operations(declared: Declared) -> tuple[str, ...]:
    """What callers can do with the records of an entity."""
    line, node = declared.line, declared.node
    if line.operations is None:
        return () if line.is_private else API_OPERATIONS
    if line.is_private:
        node.problem(f"{line.name} is private, and says what callers can do with it", "leave out one of the two")
    elif not line.operations:
        node.problem(f"{line.name} leaves callers nothing to do", f"write 'private {line.name}(...)'")
    return line.operations


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
                marks = set(line.marks)
                fields[line.name] = Field(
                    line.name,
                    type_,
                    default,
                    unique="unique" in marks,
                    indexed="index" in marks,
                    secret="secret" in marks,
                    sensitive=tuple(it for it in SENSITIVE_KINDS if it in marks),
                    system="system" in marks,
                    immutable="immutable" in marks,
                    on_delete=_on_delete(line, type_, node),
                )
    return tuple(fields.values())


def _as_sensitive_as_its_parts(field: Field, resolved: Mapping[str, tuple[Field, ...]]) -> Field:
    """A field that holds a value object with sensitive parts is sensitive itself."""
    kinds = {*field.sensitive, *_kinds_inside(field.type, resolved, ())}
    return replace(field, sensitive=tuple(it for it in SENSITIVE_KINDS if it in kinds))


def _kinds_inside(type: Type, resolved: Mapping[str, tuple[Field, ...]], seen: tuple[str, ...]) -> Iterator[str]:
    """The kinds of sensitive data in a value object; one that contains itself is refused elsewhere."""
    if type.kind == "value" and type.target not in seen:
        for field in resolved[type.target]:
            yield from field.sensitive
            yield from _kinds_inside(field.type, resolved, (*seen, type.target))


def _on_delete(line: FieldLine, type: Type, node: Node) -> str:
    """What a field says of the deletion of what it refers to."""
    said = [it for it in ON_DELETE if it in line.marks]
    if len(said) > 1:
        node.problem(f"field {quoted(line.name)} says {' and '.join(said)}", "choose one")
    elif said and (type.kind != "reference" or type.many):
        node.problem(
            f"field {quoted(line.name)} says {said[0]}, and does not refer to one record",
            f"write '{line.name}: <entity> {said[0]}', or take the word away",
        )
    elif said:
        return said[0]
    return "keep"


def _together(item: Declared, word: str, fields: tuple[Field, ...]) -> tuple[tuple[str, ...], ...]:
    """What clauses say of several fields; one of a single field marks it, and is none."""
    found: dict[Collection[str], tuple[str, ...]] = {}
    for said in item.line.together:
        if said.word != word:
            continue
        known = [it.name for it in fields]
        unknown = [it for it in said.fields if it not in known]
        for name in unknown:
            item.node.unknown(name, f"in {said} is not a field of {item.line.name}", known, "add it to the fields")
        if len(set(said.fields)) < len(said.fields):
            item.node.problem(f"{said} names a field twice", "name each field once")
        elif len(said.fields) < 2:
            item.node.problem(f"{said} is about one field", f"write '{said.fields[0]}: <type> {word}' instead")
        elif not unknown:
            found.setdefault(frozenset(said.fields) if word == "unique" else said.fields, said.fields)
    return tuple(found.values())


def _refuse_marks_of_values(item: Declared, fields: Iterable[Field]) -> None:
    """A value object has no records among which something could be unique, and is seen and replaced as a whole.

    Which kinds of sensitive data it holds may be said of each part.
    """
    for it in fields:
        if it.on_delete != "keep":
            item.node.problem(
                f"field {quoted(it.name)} of the value {item.line.name} says {it.on_delete}, and values are kept "
                "inside of records",
                "take it away, or make an entity of it",
            )
    of_records = {*FLAG_MARKS} - {*ON_DELETE}
    marked = [(f"field {quoted(it.name)}", mark) for it in fields for mark in it.marks if mark in of_records]
    marked += [(str(it), it.word) for it in item.line.together]
    if marked:
        (what, mark), *_ = marked
        item.node.problem(
            f"{what} of the value {item.line.name} is {mark}, and values are kept inside of records",
            "take it away, or make an entity of it",
        )


def _refuse_marks(entity: Entity, node: Node) -> None:
    """What callers do not send has a value anyway, and what is secret is one plain value."""
    for field in entity.fields:
        if field.system and field.required:
            node.problem(
                f"field {quoted(field.name)} is system, and a new record has no value for it",
                f"give it a default, or write '{field.name}: {field.type}? system'",
            )
        if field.system and field.immutable:
            node.problem(
                f"field {quoted(field.name)} is system and immutable, and callers set it neither first nor later",
                "leave out immutable",
            )
        if field.secret and (field.type.many or field.type.kind not in FIELD_TYPES):
            node.problem(
                f"field {quoted(field.name)} is secret, and {quoted(field.type)} is not one plain value",
                "keep what is secret in a field of its own, such as a str",
            )


def _refuse_indexes(entity: Entity, node: Node) -> None:
    """No index can hold what is long or has parts, and what is unique needs many values."""
    fields = {it.name: it for it in entity.fields}
    for indexed in (*entity.uniques, *entity.indexes):
        shown = " and ".join(map(quoted, indexed))
        sizes = [_index_bytes(fields[it]) for it in indexed]
        if 0 in sizes:
            name = indexed[sizes.index(0)]
            node.problem(
                f"field {quoted(name)} is {quoted(fields[name].type)}, which no index can hold",
                "let another field be unique or have the index; of texts, a str, email or url can",
            )
        elif sum(sizes) > LONGEST_INDEX:
            node.problem(f"{shown} together are too long for an index", "leave one of them out")
    for field in entity.fields:
        if field.unique and has_few_values(field.type):
            node.problem(
                f"field {quoted(field.name)} is unique, and {quoted(field.type)} has too few values for many records",
                f"write 'unique({field.name}, ...)' behind the fields, with another one",
            )
        if field.unique and field.default is not None:
            node.problem(
                f"field {quoted(field.name)} is unique and has a default, which a second record would have, too",
                "take the default away, or write '?' for a field that may be empty",
            )


def _index_bytes(field: Field) -> int:
    """The most bytes of a value of a field in an index; 0 if none can hold it."""
    if field.type.many:
        return 0
    if field.type.kind == "choice":
        return 4 * max(map(len, field.type.choices))
    return field.type.field_type.index_bytes if field.type.field_type else 0


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
    together = tuple(it for word in TOGETHER if word in parts for it in _together_in_full(word, parts[word]))
    if not name:
        item.problem("has no name", "give it one")
        return None
    private = parts["private"].flag() if "private" in parts else False
    line = EntityLine(name, owner, fields, kind == "value", private, together=together)
    if "operations" in parts:
        line = grammar.offered_line(", ".join(parts["operations"].texts("create, read, list")), line)
    if "list" in parts:
        line = replace(line, listing=_listing_in_full(parts["list"]))
    return line


def _listing_in_full(node: Node) -> Listing:
    """`{filter: [author], sort: [title], search: [title, body]}` or `author; sort title; search title, body`."""
    if not node.is_mapping:
        return grammar.listing_line(node.text("author; sort title"))
    parts = node.keys(LIST_KEYS)
    words = (", ".join(parts[key].texts("title")) if key in parts else "" for key in LIST_KEYS)
    return Listing(*(tuple(filter(None, re.split(r"[\s,]+", it))) for it in words))


def _fields_in_full(node: Node) -> tuple[FieldLine, ...]:
    """`{title: str}`, `[title: str]`, `title: str, price: money`, or `{title: {type: str, unique: true}}`."""
    lines: list[FieldLine] = []
    parts = (
        [node.at("", {key: value}) for key, value in node.value.items()]
        if isinstance(node.value, Mapping)
        else node.each()
    )
    for part in parts:
        if isinstance(part.value, Mapping) and len(part.value) == 1:
            (name, described), *_ = part.value.items()
            if isinstance(described, Mapping):
                lines.extend(grammar.field_lines(_field_in_words(part.under(name, described), str(name))))
                continue
        if text := part.line("title: str"):
            lines.extend(grammar.field_lines(text))
    return tuple(lines)


def _field_in_words(node: Node, name: str) -> str:
    """A field in full as its line: `{type: str, length: 1..80, unique: true}` as `slug: str 1..80 unique`."""
    parts = node.keys(FIELD_KEYS)
    examples = {"type": "str", "currency": "EUR", "length": "1..80", "range": "0..1000"}
    words = [parts[key].text(example) for key, example in examples.items() if key in parts]
    if "pattern" in parts:
        words.append(f"/{parts['pattern'].text('^[a-z]+$').replace('/', chr(92) + '/')}/")
    words += [it for it in FLAG_MARKS if it in parts and parts[it].flag()]
    words += _kinds_in_full(parts["sensitive"]) if "sensitive" in parts else []
    if "default" in parts:
        default = parts["default"].value
        written = str(default).lower() if isinstance(default, bool) else str(default)
        escaped = re.sub(r"[\\']", r"\\\g<0>", written)
        words.append(f"= '{escaped}'")
    return f"{name}: {' '.join(words)}"


def _kinds_in_full(node: Node) -> list[str]:
    """`pii`, or a list of kinds."""
    kinds = [(it, it.text("pii")) for it in node.each()]
    for part, kind in kinds:
        if kind == CREDENTIALS:
            part.problem("is credentials, which nobody else may see", "write 'secret: true' instead")
        elif kind not in SENSITIVE_KINDS:
            part.choice(SENSITIVE_KINDS, "")
    return [kind for _, kind in kinds if kind in SENSITIVE_KINDS]


def _together_in_full(word: str, node: Node) -> tuple[Together, ...]:
    """`[shelf, position]`, or a list of such lists."""
    several = isinstance(node.value, tuple) and any(isinstance(it, tuple) for it in node.value)
    groups = node.each() if several else [node]
    return tuple(grammar.together_line(word, ", ".join(it.texts("shelf"))) for it in groups)


def _fault_in(entity: str) -> str:
    """Why this is not a name for an entity, whose records need a table, or an empty string."""
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
