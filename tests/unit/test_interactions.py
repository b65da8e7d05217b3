"""What passes between services is described and drawn once, for the features that need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from groundplan.domain import Product
from groundplan.interactions import Request, flows, interactions, requests
from groundplan.reading import read
from groundplan.sequence_diagrams import request_sequence, workflow_sequence


def shop(*features: Mapping[str, object], **changes: object) -> Product:
    """A chain: an order asks for its book, its event makes a letter, and that one's event is filed."""
    answers: dict[str, Any] = {
        "project_name": "Shop",
        "concept": "A shop.",
        "services": [
            {"name": "catalog", "responsibility": "keeps books"},
            {
                "name": "orders",
                "responsibility": "takes orders",
                "depends_on": ["catalog"],
                "publishes": ["order.placed on create Order", "order.lost on delete Order"],
            },
            {
                "name": "post",
                "responsibility": "writes letters",
                "depends_on": [{"service": "orders", "when_unavailable": "accept"}],
                "publishes": ["letter.sent on create Letter"],
                "subscribes": ["on order.placed: create Letter(order: id)", "keep Book"],
            },
            {
                "name": "files",
                "responsibility": "files letters",
                "subscribes": ["on letter.sent: create File(letter: id)"],
            },
        ],
        "data_entities": [
            "catalog.Book(title: str)",
            "orders.Order(books: list[Book])",
            "post.Letter(order: Order)",
            "files.File(letter: uuid)",
        ],
        "mvp_features": list(features),
    }
    return read(answers | changes)


def feature(name: str, *services: str) -> dict[str, object]:
    return {"name": name, "services": list(services)}


def drawn(product: Product, entity: str, operation: str = "create") -> list[str]:
    steps = {entity: [it for it in interactions(product) if it.changed_entity == entity] for entity in product.entities}
    return request_sequence(product, Request(product.entities[entity], operation, (), steps)).source.splitlines()


def begun(product: Product) -> list[tuple[str, str, list[str]]]:
    """What callers ask for, and for which features."""
    found = requests(product, flows(product))
    return [(it.entity.name, it.operation, [feature.name for feature in it.features]) for it in found]


def test_a_feature_of_several_services_has_a_flow_of_what_passes_between_them() -> None:
    product = shop(feature("Place an order", "orders", "catalog"))
    first, *rest = flows(product)
    assert ([it.name for it in first.features], first.summary) == (["Place an order"], "orders asks catalog for a book")
    assert first.service == "orders"
    assert [it.summary for it in rest] == [
        "catalog sends book.saved and book.removed to post",
        "orders sends order.placed to post",
        "post asks orders for an order; post sends letter.sent to files",
    ]


def test_features_of_one_flow_share_it() -> None:
    product = shop(feature("Order", "orders", "catalog"), feature("Order again", "catalog", "orders"))
    assert [it.name for it in flows(product)[0].features] == ["Order", "Order again"]
    assert sum("asks catalog for" in it.summary for it in flows(product)) == 1


def test_every_call_and_every_subscriber_is_in_some_flow() -> None:
    for product in (shop(), shop(feature("Place orders", "orders", "post", "files")), shop(feature("Sell", "orders"))):
        found = flows(product)
        heard = {(it.event.name, it.subscriber) for flow in found for it in flow.deliveries}
        asked = {(it.stored.service, it.asked.name) for flow in found for it in flow.lookups}
        assert heard == {(name, it.name) for name in product.events for it in product.subscribers(name)}
        assert asked == {(it.name, check.entity.name) for it in product.services for check in product.checks(it)}


def test_a_feature_of_one_service_has_no_flow() -> None:
    assert not any(it.features for it in flows(shop(feature("Order", "orders"), feature("Look"))))


def test_what_a_reaction_causes_is_drawn_after_it() -> None:
    product = shop(feature("Everything", "orders", "catalog", "post", "files"))
    lines = drawn(product, "Order")
    assert lines[0] == "sequenceDiagram"
    order = [
        "  caller->>s_orders: POST /orders",
        "  s_orders->>s_catalog: GET /books/id",
        "  s_orders->>s_orders: store order, and keep order.placed with it",
        "  s_orders-)s_post: order.placed",
        "  s_post->>s_orders: GET /orders/id, unchecked if unavailable",
        "  s_post->>s_post: create Letter, once per event",
        "  s_post-)s_files: letter.sent",
        "  s_files->>s_files: create File, once per event",
    ]
    assert [line for line in lines if line in order] == order
    assert [line for line in lines if line.startswith("  caller")] == ["  caller->>s_orders: POST /orders"]


def test_a_change_that_callers_cannot_ask_for_is_made_by_code_of_its_service() -> None:
    entities = ["catalog.Book(title: str)", "private orders.Order(books: list[Book])", "post.Letter(order: uuid)"]
    product = shop(data_entities=[*entities, "files.File(letter: uuid)"])
    lines = drawn(product, "Order")
    assert "  s_orders->>s_orders: store order, and keep order.placed with it" in lines
    assert not any("caller" in line for line in lines)
    (request,) = [it for it in requests(product, flows(product)) if it.entity.name == "Order"]
    assert request_sequence(product, request).title == "orders: create an order"


def test_a_job_runs_after_the_change_that_asks_for_it() -> None:
    jobs = [
        "orders: send_receipt on create Order",
        "orders: close_day daily at 02:00",
        "orders: pay_back on delete Order",
        "post: print_letter on create Letter",
    ]
    lines = drawn(shop(jobs=jobs), "Order")
    order = [
        "  s_orders-->>caller: 201",
        "  s_orders-)s_orders: job send receipt",
        "  s_post->>s_post: create Letter, once per event",
        "  s_post-)s_post: job print letter",
    ]
    assert [line for line in lines if line in order or ": job" in line] == order


def test_each_request_has_a_diagram_of_its_own() -> None:
    product = shop(feature("Everything", "orders", "catalog", "post", "files"))
    assert begun(product) == [
        ("Book", "create", ["Everything"]),
        ("Book", "delete", ["Everything"]),
        ("Order", "create", ["Everything"]),
    ]
    for it in requests(product, flows(product)):
        diagram = request_sequence(product, it)
        assert diagram.source.count("  caller->>") == 1
        assert diagram.title.endswith("s, for  Everything") or diagram.title.endswith("s/id, for  Everything")


def test_a_request_is_drawn_in_the_same_way_for_whatever_feature() -> None:
    alone, together = (
        shop(feature("Order", "orders", "catalog")),
        shop(feature("Everything", "orders", "post", "files")),
    )
    assert drawn(alone, "Order") == drawn(together, "Order")
    assert begun(alone)[0] == ("Order", "create", ["Order"])


def test_what_only_events_lead_to_begins_with_the_request_that_causes_it() -> None:
    product = shop(feature("File letters", "post", "files"))
    assert ("Order", "create", ["File letters"]) in begun(product)
    assert "Letter" not in [entity for entity, _, _ in begun(product)]


def test_what_starts_a_workflow_says_so() -> None:
    entities = ["orders.Order(state: open|sold|off = open)", "post.Bill(order: uuid)", "post.Letter(order: uuid)"]
    services = [
        {"name": "orders", "responsibility": "x", "publishes": ["order.placed on create Order"]},
        {"name": "post", "responsibility": "x", "subscribes": ["on order.placed: create Letter(order: id)"]},
    ]
    led = "sale on create Order: Bill(order: id); done: state = sold; undone: state = off"
    product = shop(services=services, data_entities=entities, workflows=[led])
    stored = "  s_orders->>s_orders: store order, and keep order.placed and start sale with it"
    assert stored in drawn(product, "Order")


def test_where_many_flows_begin_those_about_one_entity_are_described_as_one() -> None:
    leaves = [f"leaf{number}" for number in range(12)]
    services = [
        {"name": "hub", "responsibility": "x", "publishes": ["thing.made on create Thing"]},
        *(
            {"name": it, "responsibility": "x", "subscribes": [f"on thing.made: create {it.title()}(a: a)"]}
            for it in leaves
        ),
    ]
    entities = ["hub.Thing(a: str)", *(f"{it}.{it.title()}(a: str)" for it in leaves)]
    features = [feature(f"Make {it}", "hub", it) for it in leaves]
    (flow,) = flows(shop(*features, services=services, data_entities=entities))
    assert len(flow.features) == len(flow.deliveries) == 12
    assert flow.summary == f"hub sends thing.made to {', '.join(leaves[:-1])} and {leaves[-1]}"
    assert len(flows(shop(*features[:8], services=services[:9], data_entities=entities[:9]))) == 8


def test_failures_are_drawn() -> None:
    product = shop(feature("Place orders", "orders", "catalog", "post"))
    source = "\n".join(drawn(product, "Order"))
    assert "break it is unknown, or catalog does not answer\n    s_orders-->>caller: 409, or 503" in source
    assert source.count("Note over ") == 1


def test_a_copy_is_renewed_or_removed_by_the_events_of_its_owner() -> None:
    product = shop()
    assert [it for it in drawn(product, "Book") if "its copy of" in it] == ["  s_post->>s_post: renew its copy of Book"]
    lines = drawn(product, "Book", "delete")
    assert [it for it in lines if "its copy of" in it] == ["  s_post->>s_post: remove its copy of Book"]
    assert "  s_catalog->>s_catalog: remove book, and keep book.removed with it" in lines


def test_a_workflow_is_done_or_else_undone() -> None:
    entities = ["orders.Order(state: open|sold|off = open)", "catalog.Hold(order: uuid)", "post.Bill(order: uuid)"]
    steps = "Hold(order: id), then Bill(order: id); done: state = sold; undone: state = off"
    services = [{"name": it, "responsibility": "x"} for it in ("orders", "catalog", "post")]
    product = shop(services=services, data_entities=entities, workflows=[f"sale on create Order: {steps}"])
    lines = workflow_sequence(product, product.workflows[0]).source.splitlines()
    begins, done = lines.index("  alt each step is done"), "all is done#58; state = sold"
    other = lines.index("  else a step is refused, or has no answer for 600 s")
    note = "  Note over s_orders: POST /orders stored order, and started sale with it"
    assert lines[begins - 1] == note
    assert [it.rpartition(": ")[2] for it in lines[begins:other] if "sale." in it or "all is" in it] == [
        *("sale.hold.do", "sale.hold.done", "sale.bill.do", "sale.bill.done", done)
    ]
    assert [it.partition(": ")[2] for it in lines[other:] if "undone" in it] == [
        *("sale.bill.undone", "sale.hold.undone", "all is undone#58; state = off")
    ]
    assert lines[-1] == "  end"


@pytest.mark.parametrize("name", ["caller", "end", "note", "participant"])
def test_a_service_with_a_word_of_mermaid_for_its_name_is_drawn_as_one(name: str) -> None:
    services = [
        {"name": name, "responsibility": "x", "publishes": ["thing.made on create Thing"]},
        {"name": "other", "responsibility": "x", "subscribes": ["on thing.made: create Copy(a: a)"]},
    ]
    product = shop(services=services, data_entities=[f"{name}.Thing(a: str)", "other.Copy(a: str)"])
    assert f"  caller->>s_{name}: POST /things" in drawn(product, "Thing")
