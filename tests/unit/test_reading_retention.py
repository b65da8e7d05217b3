"""How long records are kept is read in each of its forms, and what cannot be is reported with its fix."""

from __future__ import annotations

import json

import pytest

from groundplan.anonymity import blanks
from groundplan.domain import ANONYMISED, Product, Retention
from groundplan.reading import problems, read

SHOP: dict[str, object] = {
    "project_name": "Shop",
    "concept": "Sells things.",
    "services": [
        {"name": "orders", "responsibility": "takes orders", "publishes": ["order.placed on create Order"]},
        {"name": "mail", "responsibility": "writes", "subscribes": ["keep Order"]},
    ],
    "data_entities": [
        "value Home(street: str pii, city: str)",
        "value Shelf(name: str, row: int)",
        "orders.Order(customer: str pii, placed_at: date, paid_at: datetime?, days: list[date], key: str secret)",
        "private orders.Note(text: str)",
        "mail.Letter(order: Order, anonymised_at: date, to: email pii)",
        "mail.Badge(number: int pii unique)",
        "mail.Claim(about: Order health)",
    ],
}


def shop(*retention: object, **changes: object) -> Product:
    return read(SHOP | {"retention": list(retention)} | changes)


def faults(*retention: object, **changes: object) -> list[str]:
    return [str(it) for it in problems(SHOP | {"retention": list(retention)} | changes)]


@pytest.mark.parametrize(
    "answer",
    [
        ["Order: delete 730 days after placed_at"],
        ["  Order:delete 730  days after placed_at "],
        "- 'Order: delete 730 days after placed_at'",
        [{"Order": "delete 730 days after placed_at"}],
        {"Order": "delete 730 days after placed_at"},
        {"Order": {"delete": "730 days", "after": "placed_at"}},
        {"Order": {"delete": 730, "after": "placed_at"}},
        {"entity": "Order", "delete": "730 days", "after": "placed_at"},
    ],
)
def test_it_has_many_forms(answer: object) -> None:
    assert read(SHOP | {"retention": answer}).entities["Order"].retention == Retention(
        "delete", 730, "placed_at", "730 days"
    )


@pytest.mark.parametrize(
    ("written", "days"),
    [("1 day", 1), ("2 weeks", 14), ("1 month", 30), ("3 months", 90), ("1 year", 365), ("100 years", 36_500)],
)
def test_a_time_has_units(written: str, days: int) -> None:
    retention = shop(f"Note: delete {written} after updated_at").entities["Note"].retention
    assert retention == Retention("delete", days, "updated_at", written)
    assert str(retention) == f"deleted {written} after updated_at"


@pytest.mark.parametrize("answer", [[], None, "not needed: all is kept"])
def test_what_no_line_names_is_kept(answer: object) -> None:
    product = read(SHOP | {"retention": answer})
    assert product == read(SHOP)
    assert not {"limited_retention", "anonymised_records"} & product.traits


def test_an_anonymised_record_says_so_and_no_event_or_copy_does() -> None:
    product, plain = shop("Order: anonymise 3 years after paid_at"), read(SHOP)
    order = product.entities["Order"]
    assert order.fields == (*plain.entities["Order"].fields, ANONYMISED)
    assert order.sent == plain.entities["Order"].sent
    assert product.events["order.placed"].fields == plain.events["order.placed"].fields
    assert ANONYMISED not in product.fields_known_to(product.by_name["mail"], order)
    assert {"limited_retention", "anonymised_records"} <= product.traits
    deleted = shop("Order: delete 3 years after paid_at")
    assert deleted.entities["Order"].fields == plain.entities["Order"].fields
    assert deleted.traits - plain.traits == {"limited_retention"}


def test_records_are_found_by_their_moment_which_is_not_encrypted() -> None:
    for moment in ("paid_at", "placed_at", "created_at", "updated_at"):
        assert shop(f"Order: delete 1 year after {moment}").entities["Order"].indexes == ((moment,),)
    given = {"data_entities": ["orders.Visit(on: date health, reason: str health)"]}
    (visit,) = shop("Visit: delete 1 year after on", **given, services=["orders: x"]).encrypting().entities.values()
    assert visit.encrypted == ("reason",)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("Order", "needs a colon and what becomes of each Order at the end of 'Order'"),
        ("Order: destroy 1 day after placed_at", "has 'destroy' where delete or anonymise belongs"),
        ("Order: delete 1.5 years after placed_at", "needs a whole number of days, weeks, months or years at '1.5"),
        ("Order: delete -1 days after placed_at", "needs a whole number of days, weeks, months or years at '-1"),
        ("Order: delete 3 moons after placed_at", "needs 'days', 'weeks', 'months' or 'years' at 'moons"),
        ("Order: delete 3 days", "needs the word 'after' and the field that it counts from at the end of"),
        ("Order: delete 3 days after placed_at or so", "has something left over at 'or so'"),
        ("Order: delete 0 days after placed_at", "'0 days' is no time from a day to a hundred years"),
        ("Order: delete 101 years after placed_at", "'101 years' is no time from a day to a hundred years"),
        (f"Order: delete {'9' * 5000} days after placed_at", "'999999999 days' is no time"),
        ("Oder: delete 1 day after placed_at", "'Oder' is not a declared entity. Fix: did you mean 'Order'?"),
        ("Order: delete 1 day after placed", "'placed' is no field of Order. Fix: did you mean 'placed_at'?"),
        ("Order: delete 1 day after customer", "'customer' of Order is 'str', from which no time counts"),
        ("Order: delete 1 day after days", "'days' of Order is 'list[date]', from which no time counts"),
        ("Order: delete 1 day after key", "'key' of Order is 'str' and secret, from which no time counts"),
        ("Note: anonymise 1 day after created_at", "anonymises Note, which has no sensitive field"),
        ("Letter: anonymise 1 day after created_at", "keeps 'anonymised_at' of each Letter, and data_entities gives"),
        ("Badge: anonymise 1 day after created_at", "anonymises Badge, and its number is unique, and has room for no"),
        ("Claim: anonymise 1 day after created_at", "anonymises Claim, and its about refers to a Order"),
        ({"entity": "Order", "keep": 1, "after": "placed_at"}, "has the unknown key 'keep'"),
        ({"entity": "Order", "delete": "1 day"}, "has no after"),
        ({"entity": "Order", "after": "placed_at"}, "needs one of delete and anonymise"),
        ({"Order": {"delete": "1 day", "anonymise": "1 day", "after": "placed_at"}}, "needs one of delete and"),
        ({"Order": {"delete": [], "after": "placed_at"}}, "is a list, not text"),
        ({"Order": {"delete": 0, "after": "placed_at"}}, "0 is not a whole number from 1 to 36500"),
        ({"Order": {"delete": 1.5, "after": "placed_at"}}, "1.5 is not a whole number from 1 to 36500"),
    ],
)
def test_what_cannot_be_is_told(line: object, fault: str) -> None:
    told = faults(line)[0]
    assert told.startswith("retention[0]")
    assert told.partition(": ")[2].startswith(fault)


@pytest.mark.parametrize("answer", [3, True, [[]], [3], {"Order": 3}, {"Order": None}, {3: "x"}, [{"entity": None}]])
def test_nonsense_is_a_problem_or_nothing_and_never_a_traceback(answer: object) -> None:
    for it in problems(SHOP | {"retention": answer}):
        assert it.answer.startswith("retention")


def test_an_entity_is_named_once() -> None:
    assert faults("Note: delete 1 day after created_at", "Note: delete 2 days after created_at") == [
        "retention[1]: Note is there twice. Fix: say once how long its records are kept."
    ]


def test_a_value_object_that_contains_itself_is_told_of_and_no_endless_search() -> None:
    entities = ["value Loop(inner: Loop pii)", "orders.Ring(loop: Loop)"]
    told = faults("Ring: anonymise 1 day after created_at", data_entities=entities, services=["orders: x"])
    assert any(it.startswith("data_entities") for it in told)


@pytest.mark.parametrize(
    ("field", "blank"),
    [
        ("it: str? pii", None),
        ("it: list[str] pii", []),
        ("it: str pii", "anonymised"),
        ("it: str(1..3) pii", "-"),
        ("it: str(20..30) pii", "-" * 20),
        ("it: str /^[A-Z]{2}-[0-9]{3,}$/ pii", "AA-0000"),
        ("it: str pii = nobody", "nobody"),
        ("it: str pii unique", "{id}"),
        ("it: text pii", ""),
        ("it: email pii", "anonymised@example.invalid"),
        ("it: email pii unique", "{id}@example.invalid"),
        ("it: url pii unique", "https://example.invalid/{id}"),
        ("it: uuid pii unique", "{id}"),
        ("it: int pii", 0),
        ("it: int(3..9) pii", 3),
        ("it: money(..-1) financial", "-1.00"),
        ("it: float(0.5..) health", 0.5),
        ("it: bool health", False),
        ("it: date pii", "1900-01-01"),
        ("it: a|b health", "a"),
        ("it: Home", {"street": "anonymised"}),
        ("it: Shelf pii", {"name": "anonymised", "row": 0}),
        ("it: str secret", "anonymised"),
    ],
)
def test_a_sensitive_value_is_gone_or_becomes_one_that_tells_nothing(field: str, blank: object) -> None:
    entities = [*SHOP["data_entities"][:2], f"orders.Thing({field})"]  # type: ignore[index]
    product = shop("Thing: anonymise 1 day after created_at", data_entities=entities, services=["orders: x"])
    found = blanks(product.entities["Thing"], product.value_objects)
    assert found == {"it": blank}
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("field", ["it: str(..35) pii unique", "it: str /^[a-z]+$/ pii unique", "it: date pii unique"])
def test_what_is_unique_and_cannot_be_is_refused(field: str) -> None:
    given = {"data_entities": [f"orders.Thing({field})"], "services": ["orders: x"]}
    (told,) = faults("Thing: anonymise 1 day after created_at", **given)
    assert "its it is unique, and has room for no value that nobody else has" in told
    assert "Fix: make that field optional ('?') in data_entities, or write delete." in told
