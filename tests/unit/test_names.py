"""A name is refused where generated code could not bear it, with the reason."""

from __future__ import annotations

import builtins
import keyword
import sys

import pytest
from pydantic import BaseModel

from groundplan import names


@pytest.mark.parametrize("name", ["catalog", "orders", "order_desk", "crm2", "match", "type"])
def test_a_plain_word_names_a_service(name: str) -> None:
    assert names.service(name) == ""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "identifier"),
        ("Orders", "identifier"),
        ("order-desk", "identifier"),
        ("2nd", "identifier"),
        ("_private", "identifier"),
        ("double__under", "identifier"),
        ("bücher", "identifier"),
        ("class", "keyword"),
        ("json", "standard library"),
        ("email", "standard library"),
        ("imp", "standard library"),
        ("common", "package of every generated project"),
        ("models", "module of every generated service"),
        ("health", "address"),
        ("database", "setting"),
        ("orders_database", "setting"),
        ("com1", "Windows"),
        ("x" * 41, "longer than 40"),
    ],
)
def test_a_name_that_cannot_be_a_service_says_why(name: str, reason: str) -> None:
    assert reason in names.service(name)


def test_no_service_shadows_a_module_or_is_a_keyword() -> None:
    assert [name for name in (*sys.stdlib_module_names, *keyword.kwlist) if not names.service(name)] == []


@pytest.mark.parametrize("name", ["Book", "OrderLine", "B2B", "Calendar", "Settings"])
def test_a_capitalised_word_names_an_entity(name: str) -> None:
    assert names.entity(name) == ""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("book", "capitalised"),
        ("Order_Line", "capitalised"),
        ("Büro", "capitalised"),
        ("None", "keyword or built-in"),
        ("Exception", "keyword or built-in"),
        ("Api", "api.py"),
        ("Class", "'class' is a Python keyword"),
        ("Con", "Windows"),
        ("Literal", "hide"),
        ("X" * 41, "longer"),
    ],
)
def test_a_name_that_cannot_be_an_entity_says_why(name: str, reason: str) -> None:
    assert reason in names.entity(name)


def test_no_entity_hides_a_builtin() -> None:
    assert [name for name in dir(builtins) if not names.entity(name)] == []


@pytest.mark.parametrize("name", ["title", "date", "type", "format", "street_2", "items", "fields", "about", "self"])
def test_a_plain_word_names_a_field(name: str) -> None:
    assert names.field(name) == ""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("id", "every record has"),
        ("created_at", "every record has"),
        ("model_year", "validates records"),
        ("copy", "validates records"),
        ("cls", "validates records"),
        ("list", "types of fields"),
        ("common", "types of fields"),
        ("pages_retired_0002", "out of use"),
        ("l", "looks like the digit"),
        ("Title", "identifier"),
        ("from", "keyword"),
    ],
)
def test_a_name_that_cannot_be_a_field_says_why(name: str, reason: str) -> None:
    assert reason in names.field(name)


def test_no_field_hides_what_a_model_has() -> None:
    public = [name for name in dir(BaseModel) if not name.startswith("_")]
    assert [name for name in public if not names.field(name)] == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("order.placed", ""),
        ("shop.order.placed", ""),
        ("placed", "with a dot"),
        ("Order.placed", "identifier"),
        ("order.class", "keyword"),
        (f"order.{'x' * 40}", "longer"),
    ],
)
def test_an_event_is_a_subject_and_a_verb(name: str, reason: str) -> None:
    assert reason in names.event(name)
    assert bool(reason) == bool(names.event(name))


@pytest.mark.parametrize(("name", "taken"), [("bookshop", False), ("fastapi", True), ("json", True), ("common", True)])
def test_a_project_does_not_have_the_name_of_what_it_needs(name: str, taken: bool) -> None:
    assert bool(names.project(name)) == taken


@pytest.mark.parametrize(
    ("name", "proposed"), [("class", "'classes'"), ("Order Desk", "'order_desk'"), ("events", "'events_desk'")]
)
def test_another_name_is_proposed(name: str, proposed: str) -> None:
    assert names.another(name) == proposed


@pytest.mark.parametrize(("name", "reason"), [("A", "keyword"), ("I", "keyword"), ("ReadCopy", "every database")])
def test_an_entity_whose_table_cannot_be_says_why(name: str, reason: str) -> None:
    assert names.entity(name) == ""  # a value object may be called so
    assert reason in names.table(name)


def test_other_entities_may_have_a_table() -> None:
    assert names.table("Order") == ""
