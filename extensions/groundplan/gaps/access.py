"""Rules about access: is it said who may do what, and does the product need what is open?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..decisions import has
from ..domain import ANYONE, CALLERS, Access, Entity, Field
from ..interactions import entities_of
from ..name_matching import id_part
from ..project_view import ProjectView
from ..text import all_of, quoted
from .model import DEFER, MUST, Finding, rule

CHANGES = ("create", "update", "delete")
SENSITIVE = ("pii", "financial", "health", "credentials", "children")
"""The kinds of data that not everybody may see."""

NO_AUDIT = re.compile(r"\s*$|(no|none|not)\b", re.IGNORECASE)
"""An obligation that asks for no audit."""

ABOUT_PEOPLE = {"pii", "children"}
"""The kinds that the type of a field shows."""


@rule("S01", MUST, "missing", 4)
def sensitive_access_proposed(view: ProjectView) -> Iterator[Finding]:
    """Data is sensitive, and nobody has said who may see and change it."""
    kinds = _sensitive(view)
    if kinds and view.answer("access").state == "tbd" and any(_open(view)):
        yield Finding(
            "access",
            f"data_sensitivity has {', '.join(kinds)}, and who may do what is only proposed",
            "answer access, beginning with the table Who may do what of ArchitectureGuide.md",
            "access",
        )


@rule("S02", DEFER, "inconsistent", 4)
def change_without_feature(view: ProjectView) -> Iterator[Finding]:
    """A role may change records, and no feature of it names them."""
    product = view.product
    if view.answer("access").state == "tbd":
        return  # what is proposed comes from the features
    served = [(it, view.personas_by_feature[it.id].values()) for it in product.features]
    for access, entity in _open(view):
        for role in product.roles:
            actions = [it for it in CHANGES if role.name in access.allowed(it)]
            features = [it for it, personas in served if role.persona in personas]
            if actions and not role.administers and not any(entity in entities_of(product, it) for it in features):
                yield Finding(
                    f"{entity.name}-{role.name}",
                    f"{role.persona} may {all_of(actions)} {entity.name}, and no feature for that persona names it",
                    "add a feature that needs it, or take it out of access",
                    "access",
                )


@rule("S03", MUST, "inconsistent", 4)
def sensitive_open_to_anyone(view: ProjectView) -> Iterator[Finding]:
    """Data is sensitive, and anyone may read records that hold it, or may."""
    kinds = _sensitive(view)
    marked = any(it.kinds for entity in view.product.entities.values() for it in entity.fields)
    for access, entity in _open(view):
        if ANYONE not in (*access.allowed("read"), *access.allowed("list")):
            continue
        personal = any(_is_personal(it) for it in entity.shown)
        if held := _held(entity):
            yield Finding(
                entity.name,
                f"anyone may read {entity.name}, which holds {held}",
                f"name who may read {entity.name} in access; waive this if everybody may know it",
                "access",
            )
        elif kinds and (personal or not (marked or set(kinds) <= ABOUT_PEOPLE)):
            yield Finding(
                entity.name,
                f"anyone may read {entity.name}, and data_sensitivity has {', '.join(kinds)}",
                f"name who may read {entity.name} in access; waive this if it holds nothing of that kind",
                "access",
            )


@rule("S04", DEFER, "inconsistent", 4)
def never_created(view: ProjectView) -> Iterator[Finding]:
    """Callers could create records, nobody may, and nothing else creates them."""
    product = view.product
    made = {it.creates for service in product.services for it in service.reactions}
    made |= {step.creates for it in product.workflows for step in it.steps}
    for access, entity in _open(view):
        if "create" in entity.operations and not access.allowed("create") and entity.name not in made:
            yield Finding(
                entity.name,
                f"nobody from outside may create {entity.name}, and no event or workflow does",
                f"say who may create it in access, or write 'private {entity.name}(...)' if your own code does",
                "access",
            )


@rule("S05", DEFER, "boundary", 4)
def sensitive_open_to_callers(view: ProjectView) -> Iterator[Finding]:
    """Records hold sensitive data, and every caller may read them, whoever it is."""
    for access, entity in _open(view):
        held = _held(entity)
        if held and CALLERS in (*access.allowed("read"), *access.allowed("list")):
            yield Finding(
                entity.name,
                f"every caller may read {entity.name}, which holds {held}",
                f"name the roles that may read {entity.name} in access, or its owner",
                "access",
            )


@rule("S06", DEFER, "missing", 2)
def copies_without_residency(view: ProjectView) -> Iterator[Finding]:
    """Sensitive data is disclosed to other services, and it is not stated where data of that kind may be."""
    stated = {it.name for it in view.items("privacy_obligations") if it.get("residency")}
    if view.answer("privacy_obligations").state == "tbd":
        return
    for it in view.product.disclosures:
        if unstated := [kind for kind in it.kinds if kind not in stated]:
            to = all_of(it.services) or "whoever subscribes to it"
            yield Finding(
                it.way.replace(" ", "-"),
                f"{it.way} discloses {all_of(unstated)} of {it.entity.name} to {to}, "
                "and privacy_obligations does not say where such data may be",
                f"give the item with class: {unstated[0]} its residency, in which these services are",
                "privacy_obligations",
            )


@rule("S07", MUST, "inconsistent", 4)
def audit_of_anonymous_callers(view: ProjectView) -> Iterator[Finding]:
    """It shall be known who changes records, and callers are not authenticated."""
    if has(view.decisions, "no_authentication"):
        for entity in _audited(view):
            yield Finding(
                entity.name,
                f"audit asks who changes {entity.name}, and no caller proves who it is: each would be 'anonymous'",
                "choose another api_auth, or take it out of audit",
                "api_auth",
            )


@rule("S08", DEFER, "inconsistent", 4)
def audit_open_to_anyone(view: ProjectView) -> Iterator[Finding]:
    """It shall be known who changes records, and anyone may."""
    audited = {it.name for it in _audited(view)}
    for access, entity in _open(view):
        actions = [it for it in CHANGES if ANYONE in access.allowed(it)]
        if entity.name in audited and actions:
            yield Finding(
                entity.name,
                f"audit asks who changes {entity.name}, and anyone may {all_of(actions)} it as 'anonymous'",
                "let callers or roles do it in access; waive this if those without a name may",
                "access",
            )


@rule("S14", DEFER, "boundary", 4)
def created_for_others(view: ProjectView) -> Iterator[Finding]:
    """Records name the caller whose they are, and other callers may write any name there."""
    for access, entity in _open(view):
        roles = {it.name: it.persona for it in view.product.roles if not it.administers}
        if access.owner and not access.owned:
            named = [
                {CALLERS: "every caller", ANYONE: "anyone"}.get(it) or roles.get(it) for it in access.acting_for_owners
            ]
            if who := all_of(tuple(filter(None, named))):
                yield Finding(
                    entity.name,
                    f"{who} may store {entity.name} in the name of others, as nothing in access is for its owner alone",
                    f"let the owner create, update or delete it in access, as '{entity.name}: create owner'; "
                    f"waive this if {access.owner} may name anybody",
                    "access",
                )


@rule("S09", DEFER, "missing", 4)
def obligation_without_audit(view: ProjectView) -> Iterator[Finding]:
    """An obligation asks for an audit, and no change is on record."""
    if any(_audited(view)):
        return
    for item in view.items("privacy_obligations"):
        asked = str(item.get("audit"))
        if not NO_AUDIT.match(asked):
            yield Finding(
                id_part(item.name),
                f"privacy_obligations asks for an audit of data of the kind {item.name}: {quoted(asked)}",
                "name in audit whose changes are on record; waive this if it means something else",
                "audit",
            )


def _audited(view: ProjectView) -> Iterator[Entity]:
    return (it for it in view.product.entities.values() if it.audited)


def _held(entity: Entity) -> str:
    """The kinds of sensitive data that its fields hold, and which they are: `pii (name, home)`; empty if none does."""
    kinds = dict.fromkeys(kind for it in entity.shown for kind in it.kinds)
    held = (f"{kind} ({', '.join(it.name for it in entity.shown if kind in it.kinds)})" for kind in kinds)
    return all_of(tuple(held))


def _is_personal(field: Field) -> bool:
    """Whether the type of a field says that it is about a person."""
    return bool(field.type.field_type and field.type.field_type.personal)


def _sensitive(view: ProjectView) -> list[str]:
    return [it for it in SENSITIVE if it in view.sensitive_kinds]


def _open(view: ProjectView) -> Iterator[tuple[Access, Entity]]:
    """Who may do what with each entity of a public service, where callers are authenticated."""
    product = view.product
    if not has(view.decisions, "no_authentication"):
        for it in product.access:
            entity = product.entities[it.entity]
            if not product.is_internal(entity):
                yield it, entity
