"""How long records are kept: `Order: delete 730 days after placed_at`, or in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..anonymity import Indelible, blanks
from ..domain import ANONYMISE, ANONYMISED, MOMENTS, RETENTION_ACTIONS, Entity, Product, Retention
from ..text import one_of, quoted
from . import grammar
from .entity_lines import Form, entity_lines, taken
from .grammar import Malformed, Period, RetentionLine
from .node import Node, is_number
from .types import field_named

EXAMPLE = "Order: delete 730 days after placed_at"
KEYS = ("entity", *RETENTION_ACTIONS, "after")
REQUIRED = ("entity", "after")
TIMES = ("date", "datetime")
"""The types of fields from which it can count."""
LONGEST_DAYS = 36_500


def with_retention(answer: Node, product: Product) -> Product:
    """The product, with how long records of each entity that is named are kept; what cannot be is reported."""
    once = "say once how long its records are kept"
    form = Form(EXAMPLE, grammar.retention_line, _in_full, KEYS, REQUIRED, once)
    found: dict[str, Entity] = {}
    for node, line, entity in entity_lines(answer, form, product, found):
        if retention := _retention(node, line, entity):
            anonymises = retention.action == ANONYMISE
            if anonymises and not can_be_anonymised(node, entity, product):
                continue
            fields = (*entity.fields, ANONYMISED) if anonymises else entity.fields
            found[entity.name] = replace(entity, fields=fields, retention=retention)
    return product.with_entities(lambda it: found.get(it.name, it))


def _retention(node: Node, line: RetentionLine, entity: Entity) -> Retention | None:
    period, days = line.period, line.period.days
    if not 1 <= days <= LONGEST_DAYS:
        node.problem(f"{quoted(str(period))} is no time from a day to a hundred years", "write e.g. '730 days'")
        return None
    if line.after not in MOMENTS:
        field = field_named(entity.fields, line.after)
        if field is None:
            known = [*(it.name for it in entity.fields if it.type.kind in TIMES), *MOMENTS]
            fix = "name a field with a date, or created_at or updated_at, which every record has"
            node.unknown(line.after, f"is no field of {entity.name}", known, fix)
            return None
        if field.type.kind not in TIMES or field.type.many or field.secret:
            secret = " and secret" if field.secret else ""
            node.problem(
                f"{quoted(field.name)} of {entity.name} is {quoted(field.type)}{secret}, from which no time counts",
                f"name a field with one date or datetime, or {one_of(MOMENTS)}",
            )
            return None
    return Retention(line.action, days, line.after, str(period))


def can_be_anonymised(node: Node, entity: Entity, product: Product) -> bool:
    """Whether records can lose what is sensitive in them; why they cannot is reported."""
    if not any(it.kinds for it in entity.fields):
        node.problem(
            f"anonymises {entity.name}, which has no sensitive field",
            "mark those that say who it is about in data_entities, e.g. 'name: str pii', or write delete",
        )
        return False
    if any(it.name == ANONYMISED.name and it != ANONYMISED for it in entity.fields):
        node.problem(*taken(entity, ANONYMISED))
        return False
    try:
        blanks(entity, product.value_objects)
    except Indelible as fault:
        node.problem(
            f"anonymises {entity.name}, and its {fault}",
            "make that field optional ('?') in data_entities, or write delete",
        )
        return False
    return True


def _in_full(parts: Mapping[str, Node]) -> RetentionLine:
    said = [it for it in RETENTION_ACTIONS if it in parts]
    if len(said) != 1:
        raise Malformed("needs one of delete and anonymise, and the time after which")
    (action,) = said
    return RetentionLine(
        parts["entity"].text("Order"), action, _period(parts[action]), parts["after"].text("placed_at")
    )


def _period(node: Node) -> Period:
    """`730 days`, or the number of days alone."""
    if is_number(node.value):
        return Period(node.whole(1, LONGEST_DAYS) or 1, "days")
    return grammar.period_line(node.text("730 days"))
