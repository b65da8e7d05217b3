"""Who may do what with the records of an entity, as code."""

from __future__ import annotations

from collections.abc import Iterator

from ..domain import GROUPS, Access, Entity
from ..field_types import FIELD_TYPES
from ..formatting import assignment
from ..text import py


def policy(entity: Entity, access: Access) -> str:
    """`orders = Policy("orders", create={Role.READER}, read={OWNER, Role.SHOPKEEPER}, owner="customer")`."""
    arguments = ", ".join((py(entity.table.replace("_", " ")), *_arguments(entity, access)))
    return assignment(entity.table, f"Policy({arguments})", 0)


def _arguments(entity: Entity, access: Access) -> Iterator[str]:
    for action, who in access.grants:
        yield f"{action}={{{', '.join(map(_who, who))}}}"
    if access.owner:
        yield f"owner={py(access.owner)}"
        owner = next(it.type for it in entity.fields if it.name == access.owner)
        if owner.field_type is FIELD_TYPES["uuid"]:
            yield "owner_is_id=True"


def _who(name: str) -> str:
    return name.upper() if name in GROUPS else f"Role.{name.upper()}"
