"""Who may do what until the answers say it: what a feature needs is open to its persona, and nothing else is.

What a feature needs is taken from its words. Its persona reads what it names; what it changes is said by its name in
English, as a verb and the entity behind it: `Book an appointment`. Where this is not understood, less is open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from .domain import ACCESS, ADMINISTRATOR, CALLERS, GROUPS, Access, Entity, Feature, Product
from .interactions import entities_of
from .name_matching import personas_of
from .reading.access import complete

VERBS = {
    "create": "add apply ask book borrow buy create enter file import invite issue lend make note open order pay place "
    "post publish raise record register report request reserve sell send share sign start store submit subscribe "
    "upload write",
    "update": "adjust amend approve assign change complete confirm correct edit extend fix keep mark modify move pack "
    "prepare rename replace reschedule restock set ship update",
    "delete": "cancel delete remove unsubscribe withdraw",
}
"""What the first word of a feature's name says that is done to records."""
MANAGING = "administer maintain manage"
"""First words that say that all of it is."""


def with_proposal(product: Product) -> Product:
    """The product with who may do what by its features; administrators may do all that the API offers."""
    if not any(it.administers for it in product.roles):
        product = replace(product, roles=(*product.roles, ADMINISTRATOR))
    needs: dict[str, dict[str, dict[str, None]]] = {}
    for feature in product.features:
        for who in _who(product, feature):
            for action, entity in _needs(product, feature):
                needs.setdefault(entity.name, {}).setdefault(action, {})[who] = None
    proposed = (
        Access(name, tuple((action, tuple(who)) for action, who in needs.get(name, {}).items()), proposed=True)
        for name in product.entities
    )
    return replace(product, access=complete(product, proposed))


def _who(product: Product, feature: Feature) -> Iterator[str]:
    """The roles of a feature's personas; every caller where it names none, nobody for one that is unknown."""
    roles = {it.persona: it.name for it in product.roles}
    if not feature.persona:
        yield CALLERS
    yield from (roles[it] for it in personas_of(feature, roles).values() if it)


def _needs(product: Product, feature: Feature) -> Iterator[tuple[str, Entity]]:
    """What a feature does, and with the records of which entity, as far as callers from outside can do it."""
    about = entities_of(product, feature)
    changed = _changed(feature, about)
    actions = _actions(feature)
    created = [changed] if changed and "create" in actions else []
    referred = (product.entities[it] for entity in created for it in product.referenced_entities(entity.fields))
    for entity in dict.fromkeys((*about, *referred)):
        if not (entity.private or product.is_internal(entity)):
            yield from (("read", entity), ("list", entity))
    if changed and not (changed.private or product.is_internal(changed)):
        yield from ((action, changed) for action in actions)


def _actions(feature: Feature) -> tuple[str, ...]:
    verb = next(iter(_words(feature.name)), "")
    if verb in MANAGING.split():
        return tuple(VERBS)
    return tuple(action for action, verbs in VERBS.items() if verb in verbs.split())


def _changed(feature: Feature, about: tuple[Entity, ...]) -> Entity | None:
    """The entity that a feature's name says first: `order` in `Order a book`; the only one, if it says none."""
    words = [_singular(it) for it in _words(feature.name)]
    said = {entity: _position(entity, words) for entity in about}
    found = sorted((at, entity.name) for entity, at in said.items() if at is not None)
    if found:
        return next(it for it in about if it.name == found[0][1])
    return about[0] if len(about) == 1 else None


def _position(entity: Entity, words: list[str]) -> int | None:
    named = [_singular(it) for it in entity.words.split()]
    return next((at for at in range(len(words)) if words[at : at + len(named)] == named), None)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _singular(word: str) -> str:
    return word.removesuffix("s")


def proposed_lines(product: Product) -> list[str]:
    """What is proposed, in lines as the answer `access` has them; what is closed needs none."""
    personas = {it.name: it.persona for it in product.roles}
    lines = ((it.entity, _grants(it, personas)) for it in product.access)
    return [f"{entity}: {grants}" for entity, grants in lines if grants]


def _grants(access: Access, personas: Mapping[str, str]) -> str:
    return ", ".join(
        f"{action} {' | '.join(_named(it, personas) for it in who)}"
        for action, who in access.grants
        if action in ACCESS and (action != "list" or who != access.allowed("read"))
    )


def _named(who: str, personas: Mapping[str, str]) -> str:
    """A group, or a persona, in quotes where its name would be read as something else."""
    persona = personas.get(who)
    if persona is None:
        return who
    escaped = re.sub(r"[\\']", r"\\\g<0>", persona)
    return f"'{escaped}'" if persona in GROUPS or re.search(r"[|,;'\"\\]", persona) else persona
