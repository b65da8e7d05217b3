"""Diagrams: every relation of the product is drawn, and no text or name gets out of its place."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundplan import diagrams
from groundplan.domain import Item, Product
from groundplan.plan import Plan
from groundplan.reading import read
from groundplan.tasks import Task

SHOP = {
    "project_name": "Shop",
    "concept": "A shop.",
    "services": [
        {"name": "end", "responsibility": "keeps books"},
        {
            "name": "orders",
            "responsibility": "takes orders",
            "depends_on": ["end"],
            "publishes": ["order.placed on create Order", "order.lost on delete Order"],
        },
        {
            "name": "post",
            "responsibility": "writes letters",
            "subscribes": ["on order.placed: create Letter(order: id)", "keep Book"],
        },
    ],
    "data_entities": [
        "end.Book(title: str, pk: str?)",
        "value Line(book: Book, count: int = 1)",
        "orders.Order(lines: list[Line], state: open|closed = open)",
        "post.Letter(order: uuid, book: Book?)",
    ],
    "external_apis": [{"name": "sms", "purpose": "sends", "used_by": ["post"]}],
}


@pytest.fixture(scope="module")
def product() -> Product:
    return read(SHOP)


@given(st.text())
def test_a_label_is_one_line_without_syntax(value: str) -> None:
    written = diagrams.label(value)
    assert written
    assert not re.search(r'[\n"<>\[\]{}|%`:]', written)
    assert re.sub(r"#\d+;", "", written).isprintable() or not value.isprintable()
    assert "#" not in re.sub(r"#\d+;", "", written)


@given(st.text("abc xyz,./'?!", min_size=1, max_size=50).map(str.strip).filter(bool))
def test_plain_words_stay_readable(value: str) -> None:
    assert diagrams.label(value) == " ".join(value.split())


def test_long_texts_are_cut() -> None:
    assert len(diagrams.label("word " * 100)) <= 96


def test_context_shows_personas_and_apis(product: Product) -> None:
    source = diagrams.context(product, (Item("Reader", "orders a book"),)).source
    assert '(["Reader"])' in source
    assert '-->|"orders a book"| system' in source
    assert 'system -->|"sends"| api_sms' in source


def test_containers_show_calls_events_and_stores(product: Product) -> None:
    source = diagrams.containers(product, "SQLite", one_process=False).source
    assert 's_orders -->|"refuse when away"| s_end' in source
    assert 's_orders -.->|"order.placed"| s_post' in source
    assert 's_end -.->|"book.saved, book.removed"| s_post' in source
    assert source.count('[("SQLite")]') == 3
    assert "s_post --> api_sms" in source
    assert "subgraph" not in source


def test_a_broker_stands_between_who_tells_and_who_hears(product: Product) -> None:
    source = diagrams.containers(product, "SQLite", "RabbitMQ", one_process=False).source
    assert 'broker[("RabbitMQ")]' in source
    assert 's_orders -.->|"order.placed"| broker' in source
    assert 'broker -.->|"order.placed"| s_post' in source
    assert "| s_post" not in source.replace("  broker -.->", "").partition("broker[")[0]


def test_one_process_is_drawn_around_its_services(product: Product) -> None:
    lines = diagrams.containers(product, "SQLite", one_process=True).source.splitlines()
    assert lines.index('  s_post["post"]') < lines.index("  end")
    assert lines[1].startswith("  subgraph process")


def test_entities_show_keepers_and_references(product: Product) -> None:
    source = diagrams.entities(product).source
    assert 'e_Book["Book, end"]' in source
    assert 'e_Line }o--|| e_Book : "book"' in source
    assert 'e_Order }o--o{ e_Line : "lines"' in source
    assert 'e_Letter }o--o| e_Book : "book"' in source


def test_existing_systems_are_drawn_by_the_way_that_things_go(product: Product) -> None:
    systems = tuple(Item(name, "x", {"direction": way}) for name, way in (("A", "in"), ("B", "out"), ("C", "both")))
    source = diagrams.context(product, (), (*systems, Item("D"))).source
    assert 'neighbour1 -->|"x"| system' in source
    assert 'system -->|"x"| neighbour2' in source
    assert 'neighbour3 <-->|"x"| system' in source
    assert 'neighbour4 ---|"works with it"| system' in source


def test_an_event_has_its_failures_drawn(product: Product) -> None:
    placed = next(diagrams.sequences(product, product.by_name["orders"])).source
    assert "else it is refused for good" in placed
    assert placed.count("  end") == 1


def test_an_event_that_nobody_hears_is_not_drawn(product: Product) -> None:
    drawn = [it.title for it in diagrams.sequences(product, product.by_name["orders"])]
    assert drawn == ["order.placed, heard by post", "orders checks a book with end"]


def test_a_read_copy_is_asked_of_nobody(product: Product) -> None:
    assert diagrams.checked(product, product.by_name["post"]) == ()
    ((owner, entity, when_away),) = diagrams.checked(product, product.by_name["orders"])
    assert (owner.name, entity.name, when_away) == ("end", "Book", "refuse")


def test_a_copy_is_renewed_by_the_events_of_its_owner(product: Product) -> None:
    saved = next(it for it in diagrams.sequences(product, product.by_name["end"]) if "book.saved" in it.title)
    assert "s_post->>s_post: renew its copy of Book" in saved.source


@pytest.mark.parametrize(
    "title", ["Click it", "call me", "Title of a book", "section 9", "2027-01-01", "weekday monday"]
)
def test_a_bar_is_no_statement(title: str) -> None:
    source = diagrams.gantt(Plan((Task("T-a", title, 1, 6),), read(SHOP))).source
    assert f"  #{ord(title[0])};{title[1:]} :" in source
