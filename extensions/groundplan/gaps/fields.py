"""Rules about fields: does what is said of them fit what they are called and what refers to them?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..domain import Entity, ValueObject
from ..field_types import FIELD_TYPES
from ..project_view import ProjectView
from .model import DEFER, MUST, Finding, rule

IDENTIFYING = frozenset(["handle", "login", "slug", "username", "user_name"])
"""How fields are called by which people address one record."""

SECRET = re.compile(r"(^|_)(password|passwd|passphrase|secret|token|pin|(api|private|access)_key)(_hash)?$")
"""How fields are called whose values nobody else may know."""


@rule("F01", DEFER, "missing", 2)
def address_of_several(view: ProjectView) -> Iterator[Finding]:
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
        if field.type.kind in FIELD_TYPES and FIELD_TYPES[field.type.kind].financial
    ]
    currency = next((field.type.limits.currency for _, field in amounts if field.type.limits.currency), "")
    for holder, field in amounts:
        if currency and not field.type.limits.currency:
            yield Finding(
                f"{holder}.{field.name}",
                f"other amounts have a currency, and {field.name} of {holder} has none",
                f"write '{field.name}: money {currency}' in data_entities, or its own currency",
                "data_entities",
            )


@rule("F03", MUST, "boundary", 2)
def secret_in_the_open(view: ProjectView) -> Iterator[Finding]:
    """A field bears the name of something secret, and callers see what is in it."""
    for entity in view.product.entities.values():
        for field in entity.shown:
            if SECRET.search(field.name) and field.type.kind in ("str", "text"):
                yield Finding(
                    f"{entity.name}.{field.name}",
                    f"callers see the {field.name} of {entity.name}",
                    f"write '{field.name}: {field.type} secret' in data_entities, or call it otherwise",
                    "data_entities",
                )
