"""Who may do what: `Order: create Reader, read owner | Shopkeeper; owner: customer`, or in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..domain import (
    ACCESS,
    ADMINISTRATOR,
    ANYONE,
    GROUPS,
    HISTORY,
    OWNER,
    Access,
    Entity,
    Item,
    Product,
    Role,
    Type,
)
from ..operations import of_entity
from ..problems import instead
from ..text import one_of, quoted, short_hash, slug
from . import grammar
from .entity_lines import Form, entity_lines
from .grammar import EVERY_ACTION, AccessLine, Text
from .node import Node
from .types import field_named

EXAMPLE = "Order: create Reader, read owner | Shopkeeper, update Shopkeeper; owner: customer"
KEYS = ("entity", *ACCESS, EVERY_ACTION, "owner")
NAMING = ("str", "email", "uuid", "reference")
"""The kinds of fields that can name a caller."""


def roles(personas: Sequence[Item]) -> tuple[Role, ...]:
    """The personas as roles; two that are written alike are one."""
    found: dict[str, Role] = {}
    for it in personas:
        name = role_name(it.name)
        if name in found and found[name].persona.casefold() != it.name.casefold():
            name = f"{name[:33]}_{short_hash(it.name)}"  # `C++` beside `C`
        role = Role(name, it.name, it.get("is_admin") is True or name == ADMINISTRATOR.name)
        found.setdefault(role.name, role)
    return tuple(found.values())


def role_name(persona: str) -> str:
    """A persona as keys and tokens have it; one without any plain letter is known by a hash."""
    name = slug(persona)
    if name in GROUPS:
        return f"{name}_role"
    return name if name != slug("") or persona.casefold() == name else f"role_{short_hash(persona)}"


def access(answer: Node, product: Product) -> tuple[Access, ...]:
    """Who may do what with each entity that is named; what cannot be is reported."""
    once = "put all that is said of it into one line"
    form = Form(EXAMPLE, grammar.access_line, _in_full, KEYS, KEYS[:1], once)
    found: dict[str, Access] = {}
    for node, line, entity in entity_lines(answer, form, product, found):
        if product.is_internal(entity):
            node.problem(
                f"{entity.name} is kept by {quoted(entity.service)}, which only the other services call",
                f"leave it out, or let {quoted(entity.service)} have the exposure public",
            )
        else:
            found[entity.name] = _access(node, line, entity, product)
    return tuple(found.values())


def _access(node: Node, line: AccessLine, entity: Entity, product: Product) -> Access:
    owner = _owner(node, line, entity) if line.owner else ""
    actions = offered(product, entity)
    said = {action for action, _ in line.grants}
    grants: dict[str, dict[str, None]] = {}
    for action, named in line.grants:
        who = dict.fromkeys(it for text in named if (it := _who(node, text, product.roles)))
        if OWNER in who and not line.owner:
            node.problem(
                f"lets the owner {_named(action)} {entity.name}, and does not say which field names that caller",
                "add '; owner: <field>' to the line",
            )
        if action == EVERY_ACTION:
            for each in actions:
                grants.setdefault(each, {}).update(who)
        elif action not in actions:
            node.problem(
                f"says who may {action} {entity.name}, which callers cannot do",
                f"leave it out, or add {action} to the operations of {entity.name}",
            )
        else:
            for each in ("read", "list") if action == "read" and "list" in {*actions} - said else (action,):
                grants.setdefault(each, {}).update(who)
    access = Access(entity.name, tuple((it, tuple(who)) for it, who in grants.items()), owner)
    _check_creators(node, access, entity)
    return access


def _check_creators(node: Node, access: Access, entity: Entity) -> None:
    """Nobody who proves nothing creates what belongs to the one whom it names."""
    owner = next((it for it in entity.fields if it.name == access.owner), None)
    if owner is None or ANYONE not in access.allowed("create") or ANYONE in access.acting_for_owners:
        return
    if not (owner.system and owner.type.optional):
        node.problem(
            f"lets anyone create {entity.name}, whose {owner.name} names its owner, and nobody proves to be that one",
            f"write 'create callers', or '{owner.name}: {str(owner.type).removesuffix('?')}? system' in data_entities, "
            "so that it belongs to nobody then",
        )


def named_roles(product: Product) -> tuple[Role, ...]:
    """The roles of a product, with the administrator where only who may do what names that one."""
    named = {who for it in product.access for _, everybody in it.grants for who in everybody}
    missing = ADMINISTRATOR.name in named - {it.name for it in product.roles}
    return (*product.roles, ADMINISTRATOR) if missing else product.roles


def with_indexes(product: Product) -> Product:
    """The product, with an index of the owner where callers list their own records alone."""
    chosen = {it.entity: it.owner for it in product.access if OWNER in it.allowed("list")}
    return product.with_entities(lambda it: _indexed(it, chosen.get(it.name, "")))


def _indexed(entity: Entity, name: str) -> Entity:
    fields = (replace(it, indexed=True) if it.name == name and not it.unique else it for it in entity.fields)
    return replace(entity, fields=tuple(fields))


def complete(product: Product, said: Iterable[Access]) -> tuple[Access, ...]:
    """An entry for each entity in the order of `ACCESS`; what nobody says anything of is closed.

    Administrators may do all that the API offers, which is nothing with records that only owned code reaches.
    """
    by_name = {it.entity: it for it in said}
    administrators = tuple(it.name for it in product.roles if it.administers)
    completed = []
    for name, entity in product.entities.items():
        access = by_name.get(name, Access(name))
        more = () if entity.private or product.is_internal(entity) else administrators
        grants = {it: tuple(dict.fromkeys((*access.allowed(it), *more))) for it in offered(product, entity)}
        if entity.history_readers:
            grants[HISTORY] = tuple(dict.fromkeys((*entity.history_readers, *more)))
        completed.append(replace(access, grants=tuple((action, who) for action, who in grants.items() if who)))
    return tuple(completed)


def offered(product: Product, entity: Entity) -> tuple[str, ...]:
    """What can be done with records of an entity by a request; by routes of one's own, all of it."""
    asked = {it.action for it in of_entity(product, entity)}
    return tuple(it for it in ACCESS if entity.private or it in asked)


def _named(action: str) -> str:
    return "do everything with" if action == EVERY_ACTION else action


def _who(node: Node, text: Text, known: Sequence[Role]) -> str:
    """A role or a group; empty, with a problem, if it is neither."""
    name = text.text.strip()
    if name in GROUPS and not text.quoted:
        return name
    names = {it.name: it.persona for it in (*known, ADMINISTRATOR)}
    exact = next((role for role, persona in names.items() if persona == name), "")
    if (role := exact or role_name(name)) in names:
        return role
    if not known:
        return ""  # nobody has been named so far
    fix = instead(name, (*GROUPS, *names.values()), f"add it to personas, or write {one_of(GROUPS)}")
    node.problem(f"{quoted(name)} is no persona", fix)
    return ""


def _owner(node: Node, line: AccessLine, entity: Entity) -> str:
    """The field that names the caller whose record it is."""
    field = field_named(entity.fields, line.owner)
    if field is None:
        known = [it.name for it in entity.fields if _can_name(it.type)]
        node.unknown(line.owner, f"is no field of {entity.name}", known, "name a field that holds the caller's name")
    elif not _can_name(field.type) or field.secret:
        node.problem(
            f"{quoted(field.name)} of {entity.name} is {quoted(field.type)}{' and secret' if field.secret else ''}, "
            "which names no caller",
            "name a field with one str, email or uuid, or a reference",
        )
    else:
        return field.name
    return ""


def _can_name(type: Type) -> bool:
    return type.kind in NAMING and not type.many


def _in_full(parts: Mapping[str, Node]) -> AccessLine:
    grants = [
        (action, tuple(Text(it) for it in parts[action].texts("Reader")))
        for action in (*ACCESS, EVERY_ACTION)
        if action in parts
    ]
    owner = parts["owner"].text("customer") if "owner" in parts else ""
    return AccessLine(parts["entity"].text("Order"), tuple(grants), owner)
