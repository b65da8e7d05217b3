"""What a project's tests know about it: enough to create a record of everything and to break it."""

from __future__ import annotations

import json
from typing import Any

from groundplan import reading
from groundplan.codegen.services import services
from groundplan.fixture_data import FixtureData, fixture_data

ANSWERS: dict[str, Any] = {
    "project_name": "Shop",
    "services": [
        {"name": "catalog", "responsibility": "keeps", "exposure": "internal"},
        {
            "name": "orders",
            "responsibility": "takes",
            "depends_on": [{"service": "catalog", "when_unavailable": "accept"}],
            "publishes": ["order.placed on create Order", "order.gone(number) on delete Order"],
        },
        {"name": "mail", "responsibility": "tells", "subscribes": ["on order.placed: create Letter(order: id)"]},
        {"name": "stock", "responsibility": "counts", "subscribes": ["keep Book"]},
        {"name": "nothing", "responsibility": "waits"},
    ],
    "data_entities": [
        "catalog.Book(title: str, pages: int = 1)",
        "orders.Order(number: int, lines: list[Line])",
        "mail.Letter(order: uuid)",
        "stock.Pile(books: list[Book])",
        "value Line(book: Book)",
    ],
}


def gathered(**changes: object) -> FixtureData:
    product = reading.read(ANSWERS | changes)
    return fixture_data(product, services(product, {}))


def alone(*entities: str, **answers: Any) -> FixtureData:
    """Of a product with one service."""
    return gathered(services=["desk: waits"], data_entities=[*entities], **answers)


def test_references_are_found_where_they_stand() -> None:
    by_name = {entity.name: entity for entity in gathered().entities}
    number = {"$count": [1, 2**31 - 1]}
    assert by_name["Order"].draft == {"number": number, "lines": [{"book": {"$ref": "Book"}}]}
    (line,) = by_name["Order"].references
    assert (line.entity, line.owner, line.way, line.when_unavailable) == ("Book", "catalog", "remote", "accept")
    assert (line.field, line.path) == ("lines.book", ("lines", 0, "book"))
    assert line.place == '["lines"][0]["book"]'
    (pile,) = by_name["Pile"].references
    assert (pile.way, pile.when_unavailable, pile.field) == ("copy", "", "books")


def test_a_value_with_a_field_that_is_called_ref_refers_to_nothing() -> None:
    (entity,) = alone("desk.Shelf(at: At)", "value At(ref: str)").entities
    assert entity.references == ()


def test_a_function_that_adapts_drafts_is_called_as_the_entity_unless_that_means_something_else() -> None:
    entities = ["desk.BookShelf(at: str)", "desk.Bank(at: str)", "desk.Caller(at: str)"]
    found = alone(*entities, external_apis=[{"name": "bank", "used_by": ["desk"]}])
    assert found.apis == {"bank": ("desk",)}
    assert [it.adapted_by for it in found.entities] == ["book_shelf", "bank_draft", "caller_draft"]


def test_the_example_in_the_file_of_drafts_is_a_text_if_there_is_one() -> None:
    text = alone("desk.Seat(number: int, label: str)").example
    assert text
    assert (text.field, text.value) == ("label", 'draft["label"].title()')
    number = alone("desk.Seat(number: int)").example
    assert number
    assert number.value == "7"
    assert alone("desk.Seat(number: int?)").example is None
    referring = gathered().referring
    assert referring
    assert referring.name == "Order"
    assert alone("desk.Seat(number: int)").referring is None


def test_events_know_who_hears_them_and_what_that_creates() -> None:
    heard = {event.name: (event.subscribers, event.reactions) for event in gathered().events}
    assert heard == {
        "order.placed": (("mail",), {"mail": "Letter"}),
        "order.gone": ((), {}),
        "book.saved": (("stock",), {}),
        "book.removed": (("stock",), {}),
    }


def test_what_decides_which_tests_there_are() -> None:
    found = gathered()
    assert [it.entity for it in found.remote_references] == ["Book"]
    assert [it.name for it in found.events_with_reactions] == ["order.placed"]
    assert [it.name for it in found.consumed_events] == ["book.saved", "book.removed", "order.placed"]
    assert [(it.service, it.entity) for it in found.copies] == [("stock", "Book")]
    assert found.internal == ("catalog",)
    assert "nothing" in found.services


def test_events_know_by_which_operations_callers_cause_them() -> None:
    first, *others = ANSWERS["data_entities"]
    found = gathered(data_entities=[f"{first}; only read, replace", *others])
    asked = {it.name: it.requests for it in found.events}
    assert asked["book.saved"] == ("replace",)
    assert asked["book.removed"] == ()


def test_facts_are_plain_data() -> None:
    plain = gathered().as_dict
    assert json.loads(json.dumps(plain)).keys() == plain.keys()
