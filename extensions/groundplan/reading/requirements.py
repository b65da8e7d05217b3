"""What the product is for: features, external APIs, and the lists and tables that documents are made of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

from .. import names
from ..answer_shapes import Kind, Shape
from ..answers import Answers
from ..domain import Criterion, ExternalApi, Feature, Item
from ..problems import Report
from ..questionnaire import QUESTIONS, shape_of
from ..text import quoted, slug
from .entities import add_service
from .list_items import Entry, entries
from .node import Node, is_finite, structure
from .rates import Rate, rate

READ_APART = ("services", "mvp_features", "external_apis", "jobs")
"""Lists that become more than items: each has its own reader."""

ITEMS: Mapping[str, Shape] = {it.name: it.items for it in QUESTIONS if it.items and it.name not in READ_APART}
"""Questions that are answered by a list of items."""

DETAILS: Mapping[str, Shape] = {it.name: it.table for it in QUESTIONS if it.table}
"""Questions that are answered by a table of known keys."""

NUMBERS: Mapping[str, tuple[int, int]] = {it.name: it.bounds for it in QUESTIONS if it.bounds}
"""Questions that are answered by a whole number, and between which bounds."""

TEXTS = tuple(it.name for it in QUESTIONS if it.type == "str" and it.about and not it.choices and it.name != "concept")
"""Questions that are answered in words."""


def items(answers: Answers, name: str, report: Report | None = None) -> tuple[Item, ...]:
    """The items of a question of `ITEMS`; none while it is unanswered, deferred or not needed."""
    noted = report if report is not None else Report()
    shape = ITEMS[name]
    found: dict[str, Item] = {}
    for node, parts in entries(structure(answers[name], noted), shape):
        called = _name(shape.parts[shape.name], parts[shape.name])
        if called in found:
            node.problem(f"{quoted(called)} is there twice", "rename or remove one of the two")
        elif called:
            text = read(shape.parts[shape.text], parts[shape.text]) if shape.text in parts else ""
            extra = {key: read(shape.parts[key], parts[key]) for key in shape.others if key in parts}
            found[called] = Item(called, str(text), extra)
    return tuple(found.values())


def _name(kind: Kind, node: Node) -> str:
    return node.date() if kind.name == "date" else node.text("a name")


def details(answers: Answers, name: str, report: Report | None = None) -> Mapping[str, object]:
    """The table that answers a question of `DETAILS`, by key; empty while there is no answer."""
    node = structure(answers[name], report if report is not None else Report())
    if node.value is None:
        return MappingProxyType({})
    parts = DETAILS[name].parts
    return MappingProxyType({key: read(parts[key], part) for key, part in node.keys(parts).items()})


def number(answers: Answers, name: str, report: Report | None = None) -> int | None:
    """The number that answers a question of `NUMBERS`; `None` while there is none."""
    answer = answers[name]
    node = Node(answer.value, name, report if report is not None else Report())
    return node.whole(*NUMBERS[name]) if answer.known else None


def features(answer: Node, services: Sequence[str]) -> tuple[Feature, ...]:
    """The features of the MVP; `history.py` gives them ids, by name."""
    found: dict[str, Feature] = {}
    for node, parts in entries(answer, shape_of("mvp_features")):
        feature = _feature(parts, services)
        if feature.name in found:
            node.problem(f"feature {quoted(feature.name)} is there twice", "rename or remove one of the two")
        elif feature.name:
            found[feature.name] = feature
    return tuple(found.values())


def needs_key(auth: str) -> bool:
    """Whether an API with these words for how it knows us asks for that at all: not with `none` or `no key`."""
    return not re.match(r"(no|none|not)\b", auth.strip(), re.IGNORECASE)


def keyless(answers: Answers) -> frozenset[str]:
    """The external APIs that do not ask who calls, by name."""
    details = items(answers, "external_api_details")
    return frozenset(slug(it.name) for it in details if not needs_key(str(it.get("auth"))))


def rate_limits(answers: Answers) -> dict[str, Rate]:
    """How often external APIs may be called, by name, where the answers say so with a number."""
    limits = {slug(it.name): rate(it.text) for it in items(answers, "external_api_details")}
    return {name: limit for name, limit in limits.items() if limit}


def external_apis(
    answer: Node,
    services: Sequence[str],
    keyless: Collection[str],
    limits: Mapping[str, Rate],
    settings: Collection[str],
) -> tuple[ExternalApi, ...]:
    """The services of others that the product calls."""
    found: dict[str, ExternalApi] = {}

    def fault_in(name: str) -> str:
        return names.external_api(name, settings) or ("is also a service" if name in services else "")

    for node, parts in entries(answer, shape_of("external_apis")):
        api = _external_api(parts, services, keyless, limits)
        if fault := fault_in(api.name) if api.name else "":
            better = names.another(api.name, fault_in, "api")
            fix = f"call the API {better}" if api.name in services else f"call it {better} and say more in purpose"
            node.problem(f"{quoted(api.name)} {fault}", fix)
        elif api.name in found:
            node.problem(f"{quoted(api.name)} is there twice", "rename or remove one of the two")
        elif api.name:
            found[api.name] = api
    return tuple(found.values())


def _feature(parts: Entry, services: Sequence[str]) -> Feature:
    acceptance = parts["acceptance"].texts("WHEN ... THE SYSTEM SHALL ...") if "acceptance" in parts else ()
    for twice in (text for text, times in Counter(acceptance).items() if times > 1):
        parts["acceptance"].problem(f"{quoted(twice)} is there twice", "say something else, or remove one of the two")
    return Feature(
        id="",
        name=parts["name"].text("Place an order"),
        outcome=_text(parts, "outcome"),
        persona=_text(parts, "persona"),
        priority=parts["priority"].choice(("P1", "P2", "P3"), "P1") if "priority" in parts else "P1",
        services=_services(parts, "services", services),
        criteria=tuple(Criterion("", text) for text in acceptance),
    )


def _external_api(
    parts: Entry, services: Sequence[str], keyless: Collection[str], limits: Mapping[str, Rate]
) -> ExternalApi:
    name = parts["name"].text("sms")
    limit = limits.get(name)
    return ExternalApi(
        name=name,
        purpose=_text(parts, "purpose"),
        used_by=_services(parts, "used_by", services),
        critical=parts["critical"].flag() if "critical" in parts else False,
        timeout_s=float(_within(parts["timeout_s"], 0, 3600)) if "timeout_s" in parts else None,
        fallback=_text(parts, "fallback"),
        needs_key=name not in keyless,
        max_calls=limit.count if limit else 0,
        within_s=limit.seconds if limit else 0,
    )


def _services(parts: Entry, key: str, services: Sequence[str]) -> tuple[str, ...]:
    """Names of services, each of them declared; where none is named and there is one, that one."""
    named: dict[str, None] = {}
    for node in parts[key].each() if key in parts else ():
        name = node.text("orders")
        if name in services:
            named[name] = None
        elif name:
            node.unknown(name, "is not a service", services, add_service(name, services), is_service=True)
    return tuple(named or (services if len(services) == 1 else ()))


def _text(parts: Entry, key: str) -> str:
    return parts[key].text() if key in parts else ""


def read(kind: Kind, node: Node) -> object:
    """A part of an answer, as its kind says."""
    match kind.name:
        case "choice":
            return node.choice(kind.words, kind.words[0])
        case "number":
            return _within(node, kind.low, kind.high)
        case "whole":
            return node.whole(kind.low or 0, kind.high if kind.high is not None else 10**9)
    return _READERS[kind.name](node)


def _day_or_text(node: Node) -> str:
    """A day, or words for when: `after launch`."""
    return node.text("after launch") if isinstance(node.value, str) else node.date()


def _within(node: Node, low: int | None, high: int | None) -> int | float:
    """A number above `low` and up to `high`, where there are bounds."""
    value = node.number()
    if is_finite(node.value) and low is not None and high is not None and not low < value <= high:
        node.problem(f"{value} is out of range", f"write a number above {low} and up to {high}")
    return value


_READERS: Mapping[str, Callable[[Node], object]] = {
    "amount": Node.amount,
    "date": Node.date,
    "day": _day_or_text,
    "flag": Node.flag,
    "service": Node.text,
    "services": lambda node: node.texts("orders"),
    "text": Node.text,
    "texts": lambda node: node.texts("some text"),
}
"""How a part is read, by its kind, where that needs no bounds."""
