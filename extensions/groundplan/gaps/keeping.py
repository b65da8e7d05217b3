"""Rules about how long data are kept: does something end what an obligation ends, and when it says?"""

from __future__ import annotations

from collections.abc import Iterator

from ..domain import Entity
from ..name_matching import id_part
from ..project_view import ProjectView
from ..text import all_of
from .access import ABOUT_PEOPLE
from .model import DEFER, Finding, rule


@rule("S10", DEFER, "inconsistent", 4)
def history_outlives_its_data(view: ProjectView) -> Iterator[Finding]:
    """Sensitive data shall be deleted one day, and a history that nobody changes keeps them."""
    for entity in view.product.entities.values():
        kept = () if entity.redacted or not entity.audited else entity.shown
        kinds = {kind for it in kept if it.name not in entity.encrypted for kind in it.sensitive}
        for item in view.items("privacy_obligations"):
            if item.name in kinds and (item.get("retention_days") not in ("", None) or item.get("deletion")):
                yield Finding(
                    f"{entity.name}-{id_part(item.name)}",
                    f"privacy_obligations has data of the kind {item.name} deleted, and the history of {entity.name} "
                    "keeps them",
                    f"say in retention or person when a {entity.name} ends, which takes them out of its history, too; "
                    "waive this if it may keep them",
                    "retention",
                )


@rule("S11", DEFER, "missing", 4)
def obligation_without_retention(view: ProjectView) -> Iterator[Finding]:
    """An obligation says for how long sensitive data are kept, and nothing ends the records that hold them."""
    for kind, days, entity in _limited(view):
        if entity.retention is None:
            yield Finding(
                f"{entity.name}-{id_part(kind)}",
                f"privacy_obligations has data of the kind {kind} kept for {days} days, and {entity.name}, which holds "
                f"{_fields(entity, kind)}, is kept for good",
                f"say in retention what becomes of it, e.g. '{entity.name}: delete {days} days after created_at'; "
                "waive this if your own code does it",
                "retention",
            )


@rule("S12", DEFER, "inconsistent", 4)
def kept_longer_than_allowed(view: ProjectView) -> Iterator[Finding]:
    """Records that hold sensitive data are kept longer than an obligation says."""
    for kind, days, entity in _limited(view):
        if entity.retention and entity.retention.days > days:
            yield Finding(
                f"{entity.name}-{id_part(kind)}",
                f"retention has {entity.name} {entity.retention}, and privacy_obligations has data of the kind {kind} "
                f"kept for {days} days",
                f"write at most {days} days in retention, or raise retention_days of the item with class: {kind}",
                "retention",
            )


@rule("S13", DEFER, "missing", 4)
def deletion_without_erasure(view: ProjectView) -> Iterator[Finding]:
    """An obligation has sensitive data deleted, and the erasure of a person leaves out records that hold them."""
    for item in view.items("privacy_obligations") if view.product.person else ():
        if not item.get("deletion"):
            continue
        for entity in view.product.answered.entities.values():
            if any(item.name in it.kinds for it in entity.fields) and not (entity.erasure or entity.retention):
                yield Finding(
                    f"{entity.name}-{id_part(item.name)}",
                    f"privacy_obligations has data of the kind {item.name} deleted, and neither person nor retention "
                    f"says what becomes of each {entity.name}, which holds {_fields(entity, item.name)}",
                    f"name {entity.name} in person, by the field that leads there; waive this if it is about no person",
                    "person",
                )


@rule("S15", DEFER, "missing", 4)
def people_without_person(view: ProjectView) -> Iterator[Finding]:
    """Personal data shall be deleted, and it is not said which records are those of one person."""
    product = view.product
    entities = () if product.person else tuple(product.answered.entities.values())
    referred = {name for it in entities for name in product.referenced_entities(it.fields)}
    for item in view.items("privacy_obligations"):
        for entity in entities if item.name in ABOUT_PEOPLE and item.get("deletion") else ():
            is_person = entity.name in referred or product.access_to[entity.name].owner
            if is_person and any(item.name in it.kinds for it in entity.fields):
                yield Finding(
                    f"{entity.name}-{id_part(item.name)}",
                    f"privacy_obligations has data of the kind {item.name} deleted, and nothing says which records are "
                    f"those of one person, as {entity.name} seems to be",
                    f"begin person with '{entity.name}: delete'; waive this if it is none, or your own code does it",
                    "person",
                )


def _limited(view: ProjectView) -> Iterator[tuple[str, int, Entity]]:
    """The kinds of sensitive data that are kept for so many days, each with the entities that hold some."""
    for item in view.items("privacy_obligations"):
        days = item.get("retention_days")
        if isinstance(days, int):
            for entity in view.product.answered.entities.values():
                if any(item.name in it.kinds for it in entity.fields):
                    yield item.name, days, entity


def _fields(entity: Entity, kind: str) -> str:
    return all_of(tuple(it.name for it in entity.fields if kind in it.kinds))
