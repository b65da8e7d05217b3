"""Rules about fields: does what is said of them fit what they are called and what refers to them?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..decisions import has
from ..domain import CREDENTIALS, SENSITIVE_KINDS, Entity, ValueObject
from ..project_view import ProjectView
from ..text import all_of
from .model import DEFER, MUST, Finding, rule

IDENTIFYING = frozenset(["handle", "login", "slug", "username", "user_name"])
"""How fields are called by which people address one record."""

SECRET = re.compile(r"(^|_)(password|passwd|passphrase|secret|token|pin|(api|private|access)_key)(_hash)?$")
"""How fields are called whose values nobody else may know."""


@rule("F01", DEFER, "missing", 2)
def address_not_unique(view: ProjectView) -> Iterator[Finding]:
    """Records are addressed by a field, and several of them may have the same value in it."""
    for entity in view.product.entities.values():
        unique = {name for names in entity.uniques for name in names}
        for field in entity.fields:
            if field.name in IDENTIFYING and field.name not in unique:
                yield Finding(
                    f"{entity.name}.{field.name}",
                    f"several records of {entity.name} may have the same {field.name}",
                    f"write '{field.name}: {field.type} unique' in data_entities",
                    "data_entities",
                )


@rule("F02", DEFER, "inconsistent", 2)
def amounts_without_currency(view: ProjectView) -> Iterator[Finding]:
    """Some amounts of money have a currency, and others do not."""
    holders: tuple[Entity | ValueObject, ...] = (*view.product.entities.values(), *view.product.values)
    amounts = [
        (holder.name, field)
        for holder in holders
        for field in holder.fields
        if field.type.field_type and field.type.field_type.financial
    ]
    currency = next((field.type.limits.currency for _, field in amounts if field.type.limits.currency), "")
    for holder, field in amounts:
        if currency and not field.type.limits.currency:
            yield Finding(
                f"{holder}.{field.name}",
                f"other amounts have a currency, and {field.name} of {holder} has none",
                f"write '{field.name}: {field.type.kind} {currency}' in data_entities, or its own currency",
                "data_entities",
            )


@rule("F03", MUST, "boundary", 2)
def secret_exposed(view: ProjectView) -> Iterator[Finding]:
    """A field bears the name of something secret, and callers see what is in it."""
    for entity in view.product.entities.values():
        for field in entity.shown:
            if SECRET.search(field.name) and field.type.field_type and field.type.field_type.free_text:
                yield Finding(
                    f"{entity.name}.{field.name}",
                    f"callers see the {field.name} of {entity.name}",
                    f"write '{field.name}: {field.type} secret' in data_entities, or call it otherwise",
                    "data_entities",
                )


@rule("F04", DEFER, "inconsistent", 2)
def kind_not_stated(view: ProjectView) -> Iterator[Finding]:
    """Fields hold sensitive data of a kind that data_sensitivity does not name."""
    answer = view.answer("data_sensitivity")
    for kind, fields in _fields_by_kind(view).items():
        if answer.known and kind not in view.sensitive_kinds:
            yield Finding(
                kind,
                f"data_sensitivity does not name {kind}, which is in {all_of(fields)}",
                f"add {kind} to data_sensitivity",
                "data_sensitivity",
            )


@rule("F05", DEFER, "missing", 2)
def kind_without_field(view: ProjectView) -> Iterator[Finding]:
    """Sensitive data of a kind are kept, and no field says that it holds them."""
    marked = _fields_by_kind(view)
    for kind in view.sensitive_kinds if view.product.entities else ():
        if kind in (*SENSITIVE_KINDS, CREDENTIALS) and kind not in marked:
            mark = "secret" if kind == CREDENTIALS else kind
            yield Finding(
                kind,
                f"data_sensitivity has {kind}, and no field says that it holds such data",
                f"mark the fields in data_entities, as in 'field: str {mark}', or take {kind} out of data_sensitivity",
                "data_entities",
            )


@rule("F06", DEFER, "missing", 2)
def personal_field_unmarked(view: ProjectView) -> Iterator[Finding]:
    """Some fields say that they hold personal data, and one that has an address of a person does not."""
    if not {"pii", "children"} & _fields_by_kind(view).keys():
        return
    holders: tuple[Entity | ValueObject, ...] = (*view.product.entities.values(), *view.product.values)
    for holder in holders:
        for field in holder.fields:
            if field.type.field_type and field.type.field_type.personal and not field.kinds:
                yield Finding(
                    f"{holder.name}.{field.name}",
                    f"{field.name} of {holder.name} is {field.type.field_type.personal}, and not marked as personal",
                    f"write '{field.name}: {field.type} pii' in data_entities",
                    "data_entities",
                )


@rule("F07", MUST, "inconsistent", 2)
def sensitive_not_encrypted(view: ProjectView) -> Iterator[Finding]:
    """Sensitive fields are to be encrypted, and one cannot be, or there is none."""
    if not has(view.decisions, "encrypted_fields"):
        return
    for access in view.product.access_to.values():
        entity = view.product.entities[access.entity]
        for field in entity.fields:
            if field.kinds and field.name not in entity.encrypted and not entity.brought_by:
                reader = entity.read_by(field, access.owner)
                kept = f"{field.name} of {entity.name} is {all_of(field.kinds)} and stays readable where it is stored"
                yield Finding(
                    f"{entity.name}.{field.name}",
                    f"{kept}, as it {reader}",
                    f"let {field.name} no longer be what {reader}, or accept by a waiver that it is not encrypted",
                    "data_entities",
                )
    if view.product.entities and not _fields_by_kind(view):
        yield Finding(
            "marks",
            "sensitive fields are to be encrypted, and no field says that it holds sensitive data",
            "mark the fields in data_entities, as in 'field: str pii', or choose another option of encryption",
            "data_entities",
        )


def _fields_by_kind(view: ProjectView) -> dict[str, list[str]]:
    """The fields of entities with sensitive data, by its kind."""
    found: dict[str, list[str]] = {}
    for entity in view.product.entities.values():
        for field in entity.fields:
            for kind in field.kinds:
                found.setdefault(kind, []).append(f"{entity.name}.{field.name}")
    return found
