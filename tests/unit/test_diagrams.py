"""Diagrams: every relation of the product is drawn, and no text or name gets out of its place."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundplan import diagrams
from groundplan.domain import Item, Product
from groundplan.plan import Plan
from groundplan.reading import read
from groundplan.tasks import Scope, Task, derive

SHOP: dict[str, Any] = {
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


def test_containers_show_processes_stores_and_apis(product: Product) -> None:
    source = diagrams.containers(product, "SQLite", {"end": 8001}, one_process=False).source
    assert '  s_end["end, port 8001"]' in source
    assert source.count('[("SQLite")]') == 3
    assert "s_post --> api_sms" in source
    assert "subgraph" not in source
    assert "s_orders --> s_end" not in source
    assert ".->" not in source


def test_containers_show_a_store_that_services_share_once(product: Product) -> None:
    shown = diagrams.containers(product, "PostgreSQL", {}, one_process=False, one_store="a schema for each")
    assert shown.source.count("PostgreSQL") == 1
    assert '  store[("PostgreSQL, a schema for each")]' in shown.source.splitlines()
    assert shown.source.count(" --- store\n") + shown.source.endswith(" --- store") == 3


def test_dependencies_show_calls_and_events(product: Product) -> None:
    source = diagrams.dependencies(product).source
    assert 's_orders -->|"asks for Book, refuses without"| s_end' in source
    assert 's_orders -.->|"order.placed"| s_post' in source
    assert 's_end -.->|"book.saved, book.removed"| s_post' in source
    assert "sms" not in source
    remembering = diagrams.dependencies(product, "not cached").source
    assert 's_orders -->|"asks for Book, refuses without, if not cached"| s_end' in remembering


def test_a_read_copy_is_no_call() -> None:
    copying = copy.deepcopy(SHOP)
    copying["services"][2]["depends_on"] = ["end"]
    made = read(copying)
    assert made.calls(made.by_name["post"]) == ()
    assert "s_post -->" not in diagrams.dependencies(made).source
    tasks = {it.id: it for it in derive(Scope(made))}
    assert "T-post-without-end" not in tasks
    assert "T-rules-book" not in tasks["T-rules-letter"].needs
    assert made.start_order == (("end", "post"), ("orders",))


def test_a_service_may_call_another_to_whose_records_it_does_not_refer() -> None:
    calling = copy.deepcopy(SHOP)
    calling["services"][2]["depends_on"] = ["orders"]
    made = read(calling)
    assert [it.service for it in made.calls(made.by_name["post"])] == ["orders"]
    assert 's_post -->|"refuses without"| s_orders' in diagrams.dependencies(made).source
    assert made.start_order == (("end",), ("orders",), ("post",))


def test_where_nothing_passes_between_services_there_is_no_diagram_of_it() -> None:
    assert diagrams.dependencies(read({"project_name": "Diary", "concept": "A diary."})).source == ""


def test_a_diagram_of_one_thing_is_none() -> None:
    alone = read(
        {
            "project_name": "Diary",
            "concept": "A diary.",
            "data_entities": ["diary.Day(text: str)"],
            "services": [{"name": "diary", "responsibility": "keeps days"}],
        }
    )
    assert diagrams.context(alone, ()).source == ""
    assert diagrams.entities(alone).source == ""


def test_a_broker_is_linked_to_who_tells_and_who_hears(product: Product) -> None:
    lines = diagrams.containers(product, "SQLite", {}, "RabbitMQ", one_process=False).source.splitlines()
    assert '  broker[["RabbitMQ"]]' in lines
    linked = {it.split()[0] for it in lines if it.endswith("--- broker")}
    subscribers = {it.name for event in product.events.values() for it in product.subscribers(event.name)}
    publishers = {it.service for it in product.events.values() if product.subscribers(it.name)}
    assert linked == {f"s_{name}" for name in subscribers | publishers}


def test_one_process_is_drawn_around_its_services(product: Product) -> None:
    ports = dict.fromkeys(product.by_name, 8001)
    lines = diagrams.containers(product, "SQLite", ports, one_process=True).source.splitlines()
    assert lines.index('  s_post["post"]') < lines.index("  end")
    assert lines[1] == '  subgraph process["Shop, one process, port 8001"]'


def test_entities_show_keepers_and_references(product: Product) -> None:
    source = diagrams.entities(product).source
    assert 'e_Book["Book, end"]' in source
    assert 'e_Line }o--|| e_Book : "book"' in source
    assert 'e_Order }o--o{ e_Line : "lines"' in source
    assert 'e_Letter }o--o| e_Book : "book"' in source


def test_existing_systems_are_drawn_by_the_way_that_things_go(product: Product) -> None:
    systems = tuple(Item(name, "x", {"direction": way}) for name, way in (("A", "in"), ("B", "out"), ("C", "both")))
    source = diagrams.context(product, (), (*systems, Item("D"))).source
    assert 'external1 -->|"x"| system' in source
    assert 'system -->|"x"| external2' in source
    assert 'external3 <-->|"x"| system' in source
    assert 'external4 ---|"works with it"| system' in source


def test_a_read_copy_is_asked_of_nobody(product: Product) -> None:
    assert product.checks(product.by_name["post"]) == ()
    (check,) = product.checks(product.by_name["orders"])
    assert (check.owner, check.entity.name, check.when_unavailable) == ("end", "Book", "refuse")


@pytest.mark.parametrize(
    "title", ["Click it", "call me", "Title of a book", "section 9", "2027-01-01", "weekday monday"]
)
def test_a_bar_is_no_statement(title: str) -> None:
    source = diagrams.gantt(Plan((Task("T-a", title, 1, 6),), read(SHOP))).source
    assert f"  #{ord(title[0])};{title[1:]} :" in source
