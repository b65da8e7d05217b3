"""Whose data are kept, and what is erased on request, is read in each form, and what cannot be is reported."""

from __future__ import annotations

import pytest

from groundplan import catalogue, generation
from groundplan.domain import ANONYMISED, Belonging, Product
from groundplan.reading import problems, read
from projects import REPOSITORY

REAL = catalogue.load(REPOSITORY / "decisions")
SHOP: dict[str, object] = {
    "project_name": "Shop",
    "concept": "Sells things.",
    "services": [{"name": "shop", "responsibility": "sells"}, {"name": "mail", "depends_on": ["shop"]}],
    "data_entities": [
        "shop.Customer(name: str pii, email: email pii, pin: str secret)",
        "shop.Order(customer: Customer, number: int, others: list[Customer])",
        "shop.Line(order: Order, word: str)",
        "mail.Letter(to: email pii, customer: uuid)",
        "mail.Badge(number: int pii unique, holder: Customer)",
    ],
}
ALL = ["Customer: anonymise", "Order by customer: keep", "Line by order: delete", "Letter by to = email: delete"]


def shop(*person: object, **changes: object) -> Product:
    return read(SHOP | {"person": list(person)} | changes)


def faults(*person: object, **changes: object) -> list[str]:
    return [str(it) for it in problems(SHOP | {"person": list(person)} | changes)]


@pytest.mark.parametrize(
    "answer",
    [
        ALL,
        [it.replace(" by ", "  by ").replace(": ", ":") for it in ALL],
        dict(it.split(": ") for it in ALL),
        [
            {"entity": "Customer", "erase": "anonymise"},
            {"entity": "Order", "by": "customer", "erase": "keep"},
            {"Line": {"by": "order", "erase": "delete"}},
            {"entity": "Letter", "by": "to", "equals": "email", "erase": "delete"},
        ],
    ],
)
def test_it_has_many_forms(answer: object) -> None:
    product = read(SHOP | {"person": answer})
    assert product.person == (
        Belonging("Customer", "anonymise"),
        Belonging("Order", "keep", "customer", "Customer"),
        Belonging("Line", "delete", "order", "Order"),
        Belonging("Letter", "delete", "to", "Customer", "email"),
    )
    assert {"erased_records", "anonymised_records"} <= product.traits
    assert ANONYMISED in product.entities["Customer"].fields


@pytest.mark.parametrize("answer", [[], None, "not needed: nobody is known"])
def test_where_nobody_says_it_nothing_comes_of_it(answer: object) -> None:
    assert read(SHOP | {"person": answer}) == read(SHOP)
    assert "erased_records" not in read(SHOP).traits


def test_an_id_that_is_no_reference_leads_to_the_person() -> None:
    person = shop("Customer: delete", "Letter by customer: delete").person
    assert person[1] == Belonging("Letter", "delete", "customer", "Customer")


def test_records_are_found_by_a_field_that_has_an_index_and_is_not_encrypted() -> None:
    letter = shop(*ALL).encrypting().entities["Letter"]
    assert ("to",) in letter.indexes
    assert letter.encrypted == ()
    assert read(SHOP).encrypting().entities["Letter"].encrypted == ("to",)


def test_a_record_that_retention_anonymises_too_says_so_once() -> None:
    fields = shop(*ALL, retention=["Customer: anonymise 1 year after updated_at"]).entities["Customer"].fields
    assert fields.count(ANONYMISED) == 1


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["Customer"], "person[0]: needs a colon and what becomes of each Customer at the end of 'Customer'"),
        (["Customer: forget"], "person[0]: has 'forget' where delete, anonymise or keep belongs"),
        (["Custmer: keep"], "person[0]: 'Custmer' is not a declared entity. Fix: did you mean 'Customer'?"),
        (["Order by customer: keep"], "person[0]: is the first line, which says of which entity each record is a"),
        (["Customer: keep", "Order: keep"], "person[1]: does not say how a Order belongs to a Customer"),
        (["Customer: keep", "Customer: keep"], "person[1]: Customer is there twice"),
        (["Customer: keep", "Order by custmer: keep"], "person[1]: 'custmer' is no field of Order. Fix: did you mean"),
        (
            ["Customer: keep", "Order by others: keep"],
            "person[1]: 'others' of Order is 'list[Customer]', which leads to",
        ),
        (["Customer: keep", "Line by order: keep"], "person[1]: 'order' of Line is 'Order', which leads to no person"),
        (["Customer: keep", "Letter by to = mail: keep"], "person[1]: 'mail' is no field of Customer. Fix: did you"),
        (["Customer: keep", "Letter by to = pin: keep"], "person[1]: compares 'to' of Letter, 'email', with 'pin' of"),
        (["Customer: keep", "Letter by customer = name: keep"], "person[1]: compares 'uuid' with 'str'"),
        (["Customer: keep", "Badge by holder: anonymise"], "person[1]: anonymises Badge, and its number is unique"),
        (["Order: anonymise"], "person[0]: anonymises Order, which has no sensitive field"),
        ([{"entity": "Customer"}], "person[0]: has no erase"),
        ([{"entity": "Customer", "erase": 3}], "person[0].erase: is a number, not text"),
    ],
)
def test_what_cannot_be_is_told(lines: list[object], fault: str) -> None:
    assert faults(*lines)[0].startswith(fault)


@pytest.mark.parametrize("answer", [3, True, [[]], [3], {"Order": 3}, {"Customer": None}, {3: "x"}, [{"entity": None}]])
def test_nonsense_is_a_problem_or_nothing_and_never_a_traceback(answer: object) -> None:
    for it in problems(SHOP | {"person": answer}):
        assert it.answer.startswith("person")


@pytest.mark.parametrize(
    ("changes", "redacted"),
    [
        ({}, True),
        ({"encryption": "fields"}, False),  # what is encrypted is in no history
        ({"person": ["Customer: keep"]}, False),
        ({"person": [], "retention": ["Customer: anonymise 1 year after created_at"]}, True),
        ({"audit": ["Order"]}, False),
    ],
)
def test_what_ends_is_taken_out_of_its_history(changes: dict[str, object], redacted: bool) -> None:
    given = SHOP | {"person": ["Customer: delete"], "audit": ["Customer"]} | changes
    project = generation.build(given, REAL).project
    assert project.has("redacted_history") is project.redacts_tables is redacted
