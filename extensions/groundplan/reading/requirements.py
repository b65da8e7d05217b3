"""What the product is for: features, external APIs, and the lists and tables that documents are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from .. import names
from ..answers import Answers
from ..domain import Criterion, ExternalApi, Feature, Item
from ..problems import Report
from ..text import quoted
from .entities import add_service
from .entry import Entry, Shape, entries
from .node import Node, is_number, structure

FEATURE = Shape("name", "outcome", ("persona", "services", "acceptance", "priority"))
EXTERNAL_API = Shape("name", "purpose", ("used_by", "critical", "timeout_s", "fallback"))

ITEMS: Mapping[str, Shape] = {
    "constraints": Shape("what", "source", ("negotiable",)),
    "glossary": Shape("term", "meaning", ("not_called",)),
    "out_of_scope": Shape("item", "reason", ("revisit",)),
    "personas": Shape("name", "goal", ("frequency", "is_admin")),
    "performance_targets": Shape("what", "target", ("metric", "unit", "load", "scope")),
    "failure_handling": Shape("scenario", "behaviour", ("service", "user_impact", "recovery")),
    "monitoring_requirements": Shape("signal", "threshold", ("notify", "within")),
    "success_metrics": Shape(
        "name", "target", ("unit", "by", "measured_by", "baseline", "validates", "counter_metric")
    ),
    "future_features": Shape("name", "reason", ("revisit", "depends_on")),
    "risks": Shape("risk", "mitigation", ("kind", "likelihood", "impact", "trigger", "owner")),
}
"""Questions that are answered by a list: what the items are called by, and what else they may say."""

DETAILS: Mapping[str, tuple[str, ...]] = {
    "timeline": ("start", "weeks", "deadline", "fixed"),
    "team": ("size", "hours_per_day", "days_per_week"),
    "backup_recovery": ("rpo", "rto", "method", "restore_test_every"),
}
"""Questions that are answered by a table of known keys."""

NUMBERS: Mapping[str, tuple[int, int]] = {
    "port_base": (1024, 65000),
    "doc_budget_lines": (50, 10_000),
    "buffer_percent": (0, 200),
}
"""Questions that are answered by a whole number, and between which bounds."""

LEVELS = ("low", "medium", "high")

_READERS: Mapping[str, Callable[[Node], object]] = {
    "by": lambda node: _day_or_text(node),
    "baseline": Node.amount,
    "days_per_week": lambda node: node.whole(1, 7),
    "deadline": Node.date,
    "fixed": lambda node: node.choice(("date", "scope"), "scope"),
    "hours_per_day": lambda node: _within(node, 0, 24),
    "impact": lambda node: node.choice(LEVELS, "medium"),
    "is_admin": Node.flag,
    "kind": lambda node: node.choice(("technical", "schedule", "external"), "technical"),
    "likelihood": lambda node: node.choice(LEVELS, "medium"),
    "load": Node.amount,
    "negotiable": Node.flag,
    "revisit": lambda node: _day_or_text(node),
    "rpo": Node.amount,
    "rto": Node.amount,
    "size": lambda node: node.whole(1, 1000),
    "start": Node.date,
    "target": Node.amount,
    "threshold": Node.amount,
    "weeks": lambda node: _within(node, 0, 520),
    "within": Node.amount,
}
"""How a key is read where it is not plain text."""

_LISTS = ("not_called", "validates", "depends_on")


def items(answers: Answers, name: str, report: Report | None = None) -> tuple[Item, ...]:
    """The items of a question of `ITEMS`; none while it is unanswered, deferred or not needed."""
    noted = report if report is not None else Report()
    shape = ITEMS[name]
    found: dict[str, Item] = {}
    for node, parts in entries(structure(answers[name], noted), shape):
        called = parts[shape.name].text("a name")
        if called in found:
            node.problem(f"{quoted(called)} is there twice", "rename or remove one of the two")
        elif called:
            text = _read(shape.text, parts[shape.text]) if shape.text in parts else ""
            extra = {key: _read(key, parts[key]) for key in shape.others if key in parts}
            found[called] = Item(called, str(text), extra)
    return tuple(found.values())


def details(answers: Answers, name: str, report: Report | None = None) -> Mapping[str, object]:
    """The table that answers a question of `DETAILS`, by key; empty while there is no answer."""
    node = structure(answers[name], report if report is not None else Report())
    if node.value is None:
        return MappingProxyType({})
    return MappingProxyType({key: _read(key, part) for key, part in node.keys(DETAILS[name]).items()})


def number(answers: Answers, name: str, report: Report | None = None) -> int | None:
    """The number that answers a question of `NUMBERS`; `None` while there is none."""
    answer = answers[name]
    node = Node(answer.value, name, report if report is not None else Report())
    return node.whole(*NUMBERS[name]) if answer.known else None


def features(answer: Node, services: Sequence[str]) -> tuple[Feature, ...]:
    """The features of the MVP; `history.py` gives them ids, by name."""
    found: dict[str, Feature] = {}
    for node, parts in entries(answer, FEATURE):
        feature = _feature(parts, services)
        if feature.name in found:
            node.problem(f"feature {quoted(feature.name)} is there twice", "rename or remove one of the two")
        elif feature.name:
            found[feature.name] = feature
    return tuple(found.values())


def external_apis(answer: Node, services: Sequence[str]) -> tuple[ExternalApi, ...]:
    """The services of others that the product calls."""
    found: dict[str, ExternalApi] = {}
    for node, parts in entries(answer, EXTERNAL_API):
        api = _external_api(parts, services)
        if fault := names.external_api(api.name) if api.name else "":
            node.problem(
                f"{quoted(api.name)} {fault}",
                f"call it {names.another(api.name)} and say more in purpose",
            )
        elif api.name in services:
            node.problem(f"{quoted(api.name)} is also a service", f"call the API '{api.name}_api'")
        elif api.name in found:
            node.problem(f"{quoted(api.name)} is there twice", "rename or remove one of the two")
        elif api.name:
            found[api.name] = api
    return tuple(found.values())


def _feature(parts: Entry, services: Sequence[str]) -> Feature:
    acceptance = parts["acceptance"].texts("WHEN ... THE SYSTEM SHALL ...") if "acceptance" in parts else ()
    return Feature(
        id="",
        name=parts["name"].text("Place an order"),
        outcome=_text(parts, "outcome"),
        persona=_text(parts, "persona"),
        priority=parts["priority"].choice(("P1", "P2", "P3"), "P1") if "priority" in parts else "P1",
        services=_services(parts, "services", services),
        criteria=tuple(Criterion("", text) for text in acceptance),
    )


def _external_api(parts: Entry, services: Sequence[str]) -> ExternalApi:
    return ExternalApi(
        name=parts["name"].text("sms"),
        purpose=_text(parts, "purpose"),
        used_by=_services(parts, "used_by", services),
        critical=parts["critical"].flag() if "critical" in parts else False,
        timeout_s=float(_within(parts["timeout_s"], 0, 3600)) if "timeout_s" in parts else None,
        fallback=_text(parts, "fallback"),
    )


def _services(parts: Entry, key: str, services: Sequence[str]) -> tuple[str, ...]:
    """Names of services, each of them declared."""
    named: dict[str, None] = {}
    for node in parts[key].each() if key in parts else ():
        name = node.text("orders")
        if name in services:
            named[name] = None
        elif name:
            node.unknown(name, "is no service", services, add_service(name, services))
    return tuple(named)


def _text(parts: Entry, key: str) -> str:
    return parts[key].text() if key in parts else ""


def _read(key: str, node: Node) -> object:
    if key in _LISTS:
        return node.texts("some text")
    return _READERS.get(key, Node.text)(node)


def _day_or_text(node: Node) -> str:
    """A day, or words for when: `after launch`."""
    return node.text("after launch") if isinstance(node.value, str) else node.date()


def _within(node: Node, low: int, high: int) -> int | float:
    """A number above `low` and up to `high`."""
    value = node.number()
    if is_number(node.value) and not low < value <= high:
        node.problem(f"{value} is out of range", f"write a number above {low} and up to {high}")
    return value
