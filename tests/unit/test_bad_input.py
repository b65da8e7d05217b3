"""Whatever an answers file holds, reading it gives a product or one-line problems, and never anything else."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from groundplan import reading
from groundplan.answers import Answers
from groundplan.problems import Refused

SHOP: dict[str, Any] = yaml.safe_load("""
project_name: Bookshop
project_slug: bookshop
concept: Sells books.
constraints: [{what: One machine, source: contract, negotiable: false}]
glossary: [{term: Title, meaning: a book, not_called: [item]}]
mvp_features:
  - Search: a reader finds a book
  - {name: Order, outcome: bought, persona: reader, services: [orders], acceptance: ["WHEN a IT SHALL b"], priority: P2}
out_of_scope: [Second-hand books: no supplier]
personas: [{name: reader, goal: buys, frequency: daily, is_admin: false}]
performance_targets: [{what: Search, metric: p95, target: 200, unit: ms, load: 20, scope: catalog}]
data_entities:
  - "catalog.Book(title: str, isbn: str?, price: money, stock: int = 0)"
  - "orders.Order(customer: email, lines: list[Line], status: placed|paid = placed)"
  - {name: Note, owner: orders, fields: {order: Order, text: text}}
  - "letters.Letter(recipient: email, subject: str, order: uuid)"
  - "value Line(book: Book, quantity: int)"
backup_recovery: {rpo: 24 h, rto: 4 h, method: copy}
external_apis: [{name: sms, purpose: reminds, used_by: [orders], critical: true, timeout_s: 5, fallback: none}]
failure_handling: [{scenario: away, service: orders, behaviour: refuse, recovery: none}]
monitoring_requirements: [{signal: up, threshold: 2 min, notify: somebody, within: 10 min}]
success_metrics: [{name: Orders, target: 80, unit: percent, by: 2027-03-01, measured_by: count, baseline: 3}]
timeline: {start: 2026-12-01, weeks: 6, deadline: 2027-02-01, fixed: scope}
future_features: [{name: Gifts, reason: later, revisit: 2027-05-01}]
services:
  - catalog: keeps books
  - name: orders
    responsibility: takes orders
    exposure: public
    port: 8010
    owns: [Order]
    depends_on: [{service: catalog, when_unavailable: accept}]
    publishes: ["order.placed on create Order", "order.gone(customer) on delete Order"]
  - name: letters
    responsibility: writes
    subscribes:
      - "on order.placed: create Letter(recipient: customer, subject: 'Thanks', order: id)"
      - keep Book
jobs:
  - "orders: send_receipt on create, update Order"
  - {service: catalog, job: recount, when: every 15 minutes}
  - "letters: remind weekly on monday at 06:30"
decision_overrides: {storage_kind: {why: known, rejected: {sqlite: two writers}}}
risks: [{risk: late, kind: external, likelihood: high, impact: low, mitigation: start, trigger: none, owner: us}]
access:
  - "Order: create reader, read owner | reader, delete 'reader'; owner: customer"
  - {entity: Note, all: [callers], owner: order}
  - {Book: "read anyone", Letter: {list: reader}}
port_base: 8000
doc_budget_lines: 400
team: {size: 2, hours_per_day: 6.5, days_per_week: 5}
buffer_percent: 20
history: {}
""")
"""A shop that uses every form there is."""

WORDS = (
    "catalog", "orders", "Book", "Order", "Line", "order.placed", "title", "id", "str", "int", "list[", "]", "(", ")",
    ":", ",", "|", "?", "=", ".", "value", "keep", "on", "create", "update", "delete", "'", '"', "\\", "0", "-1",
    "true", "tbd", "not needed", "defer", "assume", "class", "json", "é", "\n", " ", "{{", "#", "book.saved", "Letter",
)  # fmt: skip

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
    st.lists(st.sampled_from(WORDS), max_size=12).map("".join),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=4),
    st.just(object()),
    st.just({1, 2}),
)
keys = st.one_of(st.sampled_from(WORDS), st.text(max_size=8), st.integers(), st.none(), st.booleans(), st.dates())
junk = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4), st.tuples(inner), st.just([[[]]])
    ),
    max_leaves=12,
)


types = st.sampled_from(
    [
        "str",
        "text",
        "int",
        "float",
        "bool",
        "money",
        "date",
        "datetime",
        "email",
        "url",
        "uuid",
        "a|b",
        "Book",
        "Line",
        "x",
    ]
)
forms = st.sampled_from(["{}", "{}?", "list[{}]", "list[{}]?"])
literals = st.sampled_from(
    ["0", "-1", "1.5", "9" * 30, "1e999", "nan", "true", "a", "'a'", '""', "'\\''", "2026-03-02", "2026-13-45",
     "2026-W10-1", "2026-03-02T09:30Z", "a@b.cd", "https://a.b/c", "0" * 32, "id", "customer", "status", "²", "٣"]
)  # fmt: skip
fields = st.builds(
    lambda name, form, type_, default: f"{name}: {form.format(type_)}" + (f" = {default}" if default else ""),
    st.sampled_from(["a", "b", "title", "customer", "id", "class"]),
    forms,
    types,
    st.one_of(st.none(), literals),
)
entity_lines = st.builds(
    lambda owner, name, inside, clause: f"{owner}{name}({', '.join(inside)}){clause}",
    st.sampled_from(["", "catalog.", "orders.", "letters.", "nobody.", "value ", "private "]),
    st.sampled_from(["Book", "Order", "Letter", "Note", "Line", "Box", "Boxe", "BookDraft", "note"]),
    st.lists(fields, max_size=3),
    st.sampled_from(
        [
            "",
            "; only read, list",
            "; without delete",
            "; without read; only read",
            "; only",
            "; list(a)",
            "; list(title; sort title, b; search title)",
            "; list(sort created_at)",
        ]
    ),
)
event_lines = st.builds(
    "{}{} on {} {}".format,
    st.sampled_from(["order.placed", "order.gone", "book.saved", "a.b", "a_b.c", "a.b_c"]),
    st.sampled_from(["", "()", "(a)", "(customer: email)", "(status: placed|paid, a: int)"]),
    st.sampled_from(["create", "update, create", "delete"]),
    st.sampled_from(["Book", "Order", "Note", "Line"]),
)
reaction_lines = st.builds(
    lambda event, entity, mapping: f"on {event}: create {entity}({', '.join(mapping)})",
    st.sampled_from(["order.placed", "order.gone", "book.saved", "a.b"]),
    st.sampled_from(["Letter", "Note", "Order", "Line"]),
    st.lists(
        st.builds("{}: {}".format, st.sampled_from(["recipient", "subject", "order", "a", "customer"]), literals),
        max_size=4,
    ),
)
access_lines = st.builds(
    lambda entity, grants, owner: f"{entity}: {', '.join(grants)}{owner}",
    st.sampled_from(["Book", "Order", "Letter", "Note", "Line", "Box"]),
    st.lists(
        st.builds(
            lambda action, who: f"{action} {' | '.join(who)}",
            st.sampled_from(["create", "read", "list", "update", "replace", "delete", "all"]),
            st.lists(
                st.sampled_from(["reader", "Reader", "'reader'", "owner", "'owner'", "callers", "anyone", "nobody"]),
                max_size=3,
            ),
        ),
        max_size=3,
    ),
    st.sampled_from(["", "; owner: customer", "; owner: price", "; owner: order", "; owner: a", "; owner", ";"]),
)
subscriptions = st.one_of(reaction_lines, st.sampled_from(["keep Book", "keep Order", "keep Line"]))


def paths(value: object, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every part of an answer."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [before, *(path for key, item in inner for path in paths(item, (*before, key)))]


PATHS = [path for path in paths(SHOP) if path]


def with_part(path: tuple[Any, ...], part: object) -> dict[str, Any]:
    """The shop with one part replaced."""
    answers = copy.deepcopy(SHOP)
    place: Any = answers
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = part
    return answers


def read_or_refuse(answers: Mapping[str, object]) -> tuple[str, ...]:
    """Read answers and everything else that documents ask of them; give the problems, each checked to be one line."""
    try:
        reading.read(answers)
    except Refused as refused:
        lines = tuple(map(str, refused.problems))
        assert lines
        for problem, line in zip(refused.problems, lines, strict=True):
            assert len(line.splitlines()) == 1
            assert line.startswith(f"{problem.answer}: ")
            assert ". Fix: " in line
            assert len(line) < 1000
        return lines
    finally:
        held = Answers(answers)
        reading.lists(held)
        for question in reading.DETAILS:
            reading.details(held, question)
    return ()


def test_the_shop_is_read() -> None:
    assert read_or_refuse(SHOP) == ()


@given(st.sampled_from(PATHS), junk)
@example(("services",), {"orders": {"port": float("nan")}})
@example(("services", 0), {"catalog": None})
@example(("timeline", "start"), datetime.datetime(2026, 1, 1))
def test_junk_anywhere_is_read_or_refused(path: tuple[Any, ...], part: object) -> None:
    read_or_refuse(with_part(path, part))


@given(st.dictionaries(st.sampled_from([*SHOP, "_src_path", "unknown"]), junk))
def test_junk_everywhere_is_read_or_refused(answers: dict[str, object]) -> None:
    read_or_refuse(answers)


@given(st.sampled_from(PATHS), st.data())
def test_a_part_in_the_wrong_place_is_read_or_refused(path: tuple[Any, ...], data: st.DataObject) -> None:
    other: Any = SHOP
    for step in data.draw(st.sampled_from(PATHS)):
        other = other[step]
    read_or_refuse(with_part(path, other))


@pytest.mark.parametrize("state", ["tbd", "not needed: why", "defer: launch, us", None, "", [], {}, [None]])
def test_every_state_of_every_answer_is_read(state: object) -> None:
    """Only what other answers build on is missed by them."""
    missed = [question for question in SHOP if read_or_refuse(SHOP | {question: state})]
    assert missed == ["project_name", "data_entities", "services"]


@given(
    st.lists(entity_lines, max_size=5),
    st.lists(event_lines, max_size=3),
    st.lists(subscriptions, max_size=3),
    st.booleans(),
)
def test_lines_that_follow_the_grammar_are_read_or_refused(
    entities: list[str], events: list[str], heard: list[str], instead: bool
) -> None:
    """What is spelt right may still make no sense."""
    catalog, orders, letters = SHOP["services"]
    services = [catalog, orders | {"publishes": events}, letters | {"subscribes": heard}]
    kept = entities if instead else SHOP["data_entities"] + entities
    read_or_refuse(SHOP | {"services": services, "data_entities": kept})


@given(st.lists(access_lines, max_size=4))
@example(["Order: read owner"])
@example(["Line: read reader", "Note: patch reader"])
def test_lines_about_access_are_read_or_refused(lines: list[str]) -> None:
    """Those that are read allow nothing to anybody but roles and groups."""
    answers = SHOP | {"access": lines}
    if not read_or_refuse(answers):
        product = reading.read(answers)
        known = {"owner", "callers", "anyone", *(it.name for it in product.roles)}
        assert {who for it in product.access for _, everybody in it.grants for who in everybody} <= known


@given(st.text(), st.text())
def test_hostile_names_of_roles_are_read_or_refused(persona: str, who: str) -> None:
    """A role is an identifier, whatever its persona is called."""
    answers = SHOP | {"personas": [{"name": persona, "goal": "x"}, "reader: buys"], "access": [f"Order: delete {who}"]}
    if not read_or_refuse(answers):
        assert all(it.name.isidentifier() and it.name.isascii() for it in reading.read(answers).roles)


@given(st.text(), st.text(), st.text())
def test_hostile_texts_are_read_intact_or_refused(name: str, concept: str, outcome: str) -> None:
    answers = SHOP | {
        "project_name": name,
        "concept": concept,
        "mvp_features": [{"name": "Search", "outcome": outcome}],
    }
    if not read_or_refuse(answers):
        product = reading.read(answers)
        assert (product.name, product.features[0].outcome) == (name.strip(), outcome.strip())


def endless() -> list[object]:
    """A list that holds itself, as a YAML anchor can make it."""
    loop: list[object] = []
    loop.append(loop)
    return loop


def explosion() -> list[object]:
    """Few lines of YAML, and more parts than a memory holds."""
    level: list[object] = ["x"] * 10
    for _ in range(9):
        level = [level] * 10
    return level


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (endless(), "levels deep"),
        (explosion(), "parts"),
        ("x" * 30_000, "characters"),
        ("\x00", "invisible"),
        ("\ud800", "invisible"),
        (10**5000, "digits"),
        (b"bytes", "bytes"),
        ({1, 2}, "set"),
    ],
    ids=["endless", "explosion", "huge", "control", "surrogate", "number", "bytes", "set"],
)
def test_what_no_file_can_hold_is_refused(value: object, message: str) -> None:
    for question in SHOP:
        first, *_ = read_or_refuse(SHOP | {question: value})
        assert first.startswith(f"{question}: ")
        assert message in first
