"""Whose changes are on record is read in each of its forms, and what cannot be is reported with its fix."""

from __future__ import annotations

import pytest

from groundplan.domain import AUDIT_FIELDS, Product
from groundplan.operations import of_entity, operations
from groundplan.proposed_access import proposed_lines, with_proposal
from groundplan.reading import problems, read

SHOP: dict[str, object] = {
    "project_name": "Shop",
    "concept": "Sells things.",
    "personas": ["Auditor: looks", "Insurance company: pays", {"name": "Boss", "goal": "rules", "is_admin": True}],
    "services": [
        {"name": "orders", "responsibility": "takes orders", "publishes": ["order.placed on create Order"]},
        {"name": "stock", "responsibility": "counts", "exposure": "internal"},
        {"name": "mail", "responsibility": "writes", "subscribes": ["keep Order"]},
    ],
    "data_entities": [
        "orders.Order(customer: str, card: str? secret)",
        "orders.Tag(word: str); only create, list",
        "private orders.Note(text: str)",
        "stock.Pile(copies: int)",
        "mail.Letter(order: Order, created_by: str)",
    ],
}
ROLES = ("auditor", "insurance_company")


def shop(*audit: object, **changes: object) -> Product:
    return read(SHOP | {"audit": list(audit)} | changes)


def faults(*audit: object, **changes: object) -> list[str]:
    return [str(it) for it in problems(SHOP | {"audit": list(audit)} | changes)]


@pytest.mark.parametrize(
    "answer",
    [
        ["Order: read Auditor | Insurance company"],
        ["  Order:read auditor|'Insurance company' "],
        "- 'Order: read Auditor | Insurance company'",
        [{"Order": "read Auditor | Insurance company"}],
        {"Order": "read Auditor | Insurance company"},
        {"Order": {"read": ["Auditor", "Insurance company"]}},
        {"entity": "Order", "read": ["Auditor", "Insurance company"]},
        {"assume": ["Order: read Auditor | Insurance company"]},
    ],
)
def test_it_has_many_forms(answer: object) -> None:
    order = read(SHOP | {"audit": answer}).entities["Order"]
    assert (order.audited, order.history_readers) == (True, ROLES)


@pytest.mark.parametrize("answer", [["Order"], ["Order:"], "Order", {"Order": None}, [{"entity": "Order"}]])
def test_a_history_may_be_for_nobody_from_outside(answer: object) -> None:
    product = read(SHOP | {"audit": answer})
    assert (product.entities["Order"].audited, product.entities["Order"].history_readers) == (True, ())
    assert "history" not in {it.kind for it in of_entity(product, product.entities["Order"])}


@pytest.mark.parametrize("answer", [[], None, "not needed: nobody asks"])
def test_what_no_line_names_has_none(answer: object) -> None:
    product = read(SHOP | {"audit": answer})
    assert product == read(SHOP)
    assert "record_history" not in product.traits


def test_records_say_who_changed_them_and_events_do_not() -> None:
    product = shop("Order: read Auditor")
    plain = read(SHOP)
    assert product.entities["Order"].fields == (*plain.entities["Order"].fields, *AUDIT_FIELDS)
    assert product.entities["Order"].sent == plain.entities["Order"].sent
    assert {name: it.fields for name, it in product.events.items()} == {
        name: it.fields for name, it in plain.events.items()
    }
    assert product.entities["Tag"] == plain.entities["Tag"]
    assert product.traits - plain.traits == {"record_history", "system_fields"}


def test_its_readers_and_administrators_read_it() -> None:
    product = shop("Order: read Auditor", access=["Order: create callers"])
    (history,) = (it for it in operations(product, product.by_name["orders"]) if it.kind == "history")
    assert (history.id, history.method, history.path) == ("list_order_history", "GET", "/orders/{id}/history")
    assert (history.allowed, history.action) == (("auditor", "boss"), "history")
    assert [it.name for it in history.parameters] == ["id", "after", "limit"]
    assert product.access_to["Order"].allowed("read") == ("boss",)


def test_what_is_proposed_says_nothing_of_it() -> None:
    """Who reads it is said by another answer than who may do the rest."""
    product = with_proposal(shop("Order: read Auditor"))
    assert product.access_to["Order"].allowed("history") == ("auditor", "boss")
    assert not any("history" in it for it in proposed_lines(product))
    assert len(proposed_lines(product)) == len(proposed_lines(with_proposal(read(SHOP))))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("Order: create Auditor", "audit[0]: needs the word 'read' and who may read its history at 'create Auditor'"),
        ("Oder", "audit[0]: 'Oder' is not a declared entity. Fix: did you mean 'Order'?"),
        ("Order: read Auditer", "audit[0]: 'Auditer' is no persona. Fix: did you mean 'Auditor'?"),
        ("Order: read anyone", "audit[0]: lets 'anyone' read a history, which is for roles. Fix: name personas."),
        ("Order: read owner", "audit[0]: lets 'owner' read a history, which is for roles. Fix: name personas."),
        (
            "Note: read Auditor",
            "audit[0]: says who may read the history of Note, whose records no caller from outside reads. "
            "Fix: write 'Note' alone: its history is kept, for 'orders' itself.",
        ),
        (
            "Pile: read Auditor",
            "audit[0]: says who may read the history of Pile, whose records no caller from outside reads. "
            "Fix: write 'Pile' alone: its history is kept, for 'stock' itself.",
        ),
        (
            "Letter",
            "audit[0]: keeps 'created_by' of each Letter, and data_entities gives it a field of that name. "
            "Fix: take the field away, or give it another name.",
        ),
        ({"entity": "Order", "write": "Auditor"}, "audit[0]: has the unknown key 'write'"),
    ],
)
def test_what_cannot_be_is_told(line: object, fault: str) -> None:
    (told,) = faults(line)
    assert told.startswith(fault)


def test_an_entity_is_named_once() -> None:
    assert faults("Order", "Order: read Auditor") == [
        "audit[1]: Order is there twice. Fix: put all who may read its history into one line."
    ]


def test_a_workflow_of_that_name_has_its_path_already() -> None:
    workflow = "history on create Order: Pile(copies: 1); done: customer = a; undone: customer = b"
    (told,) = faults("Order: read Auditor", workflows=[workflow])
    fault = "audit[0]: has the history of each Order where the workflow 'history' tells its state"
    assert told == f"{fault}. Fix: rename the workflow."


def test_readers_wait_until_somebody_is_named() -> None:
    assert shop("Order: read Auditor", personas="tbd").entities["Order"].history_readers == ()
