"""What a project's tests are told of it: enough to create a record of everything and to break it."""

from __future__ import annotations

import json
from typing import Any

from groundplan import codegen, reading
from groundplan.facts import Facts, facts

ANSWERS: dict[str, Any] = {
    "project_name": "Shop",
    "services": [
        {"name": "catalog", "responsibility": "keeps", "exposure": "internal"},
        {
            "name": "orders",
            "responsibility": "takes",
            "depends_on": [{"service": "catalog", "when_away": "accept"}],
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


def gathered() -> Facts:
    product = reading.read(ANSWERS)
    return facts(product, codegen.services(product, {}))


def test_references_are_found_where_they_stand() -> None:
    by_name = {entity.name: entity for entity in gathered().entities}
    assert by_name["Order"].draft == {"number": 3, "lines": [{"book": {"ref": "Book"}}]}
    (line,) = by_name["Order"].references
    assert (line.entity, line.owner, line.way, line.when_away) == ("Book", "catalog", "at", "accept")
    assert (line.field, line.path) == ("lines.book", ("lines", 0, "book"))
    (pile,) = by_name["Pile"].references
    assert (pile.way, pile.when_away, pile.field) == ("in_copies", "", "books")


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
    assert [it.entity for it in found.calls] == ["Book"]
    assert [it.name for it in found.reactions] == ["order.placed"]
    assert [it.name for it in found.heard] == ["book.saved", "book.removed", "order.placed"]
    assert [(it.service, it.entity) for it in found.copies] == [("stock", "Book")]
    assert found.internal == ("catalog",)
    assert "nothing" in found.services


def test_facts_are_plain_data() -> None:
    plain = gathered().plain
    assert json.loads(json.dumps(plain)).keys() == plain.keys()
