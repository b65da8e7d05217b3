"""A name is refused where generated code could not bear it, with the reason."""

from __future__ import annotations

import builtins
import keyword
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from groundplan import names
from groundplan.domain import pascal

REFUSED = (
    *keyword.kwlist,
    *sys.stdlib_module_names,
    *dir(builtins),
    *dir(BaseModel),
    "pg",
    "pg_tools",
    "SqliteThing",
    *(word for held in vars(names).values() if isinstance(held, frozenset) for word in sorted(held)),
)
"""Words that some name must not be."""


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
        ("database", "the setting DATABASE_URL"),
        ("redis", "the setting REDIS_URL"),
        ("orders_database", "setting"),
        ("com1", "Windows"),
        ("x" * 41, "longer than 40"),
    ],
)
def test_a_name_that_cannot_be_a_service_says_why(name: str, reason: str) -> None:
    assert reason in names.service(name, ["REDIS_URL"])


@pytest.mark.parametrize("setting", ["METRICS_URL", "METRICS_DATABASE_URL", "METRICS_KEY", "METRICS_TIMEOUT_S"])
def test_no_name_takes_the_setting_of_an_option(setting: str) -> None:
    for fault in (names.service, names.external_api):
        assert fault("metrics", [setting]) == f"needs the setting {setting}, which means something else already"
        assert fault("metrics", ["METRICS_FORMAT", f"{setting}S"]) == fault("metrics") == ""


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
        ("UUID", "hide"),
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
        ("xmin", "PostgreSQL"),
        ("tableoid", "PostgreSQL"),
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


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("bookshop", False),
        ("fastapi", True),
        ("json", True),
        ("common", True),
        ("pg", True),
        ("pg_tools", True),
        ("pgtools", False),
    ],
)
def test_a_project_does_not_have_the_name_of_what_it_needs(name: str, taken: bool) -> None:
    assert bool(names.project(name)) == taken


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("class", "'classes'"),
        ("Class", "'classes'"),
        ("Order Desk", "'order_desk'"),
        ("events", "'events_desk'"),
        ("orders_database", "'orders_databases'"),
        (f"Pass{'x' * 40}", f"'pass{'x' * 36}'"),
    ],
)
def test_another_name_is_proposed(name: str, proposed: str) -> None:
    assert names.another(name, names.service) == proposed


@pytest.mark.parametrize(
    ("name", "proposed"), [("rabbitmq", "'rabbitmq_api'"), ("SMS", "'sms'"), ("x" * 38, f"'{'x' * 20}_api'")]
)
def test_another_name_of_an_api_says_what_it_is(name: str, proposed: str) -> None:
    taken = ["RABBITMQ_URL", f"{'X' * 38}_KEY"]
    assert names.another(name, lambda it: names.external_api(it, taken), "api") == proposed


def entity_with_table(name: str) -> str:
    return names.entity(name) or names.table(name)


def refused_proposals(name: str) -> list[str]:
    """What is proposed in place of a name, and would be refused."""
    proposed = [
        *((fault, names.another(name, fault)) for fault in (names.service, names.external_api, names.job)),
        *((fault, names.another_entity(name, fault)) for fault in (names.entity, entity_with_table)),
        (names.field, names.another_field(name)),
        (names.project, names.project_for(name)),
    ]
    return [it for fault, it in proposed if fault(it.strip("'"))]


def test_no_name_is_proposed_that_would_be_refused() -> None:
    words = {form for name in REFUSED for form in (name, pascal(name), f"model_{name}", f"{name}_retired_0001")}
    assert {word: found for word in words if (found := refused_proposals(word))} == {}


@given(st.text(max_size=50))
def test_whatever_is_written_what_is_proposed_would_be_taken(name: str) -> None:
    assert refused_proposals(name) == []


@pytest.mark.parametrize(
    ("title", "name"),
    [("Books & Co", "books_co"), ("Calendar", "calendar_app"), ("PG tools", "the_pg_tools"), ("PG", "the_pg")],
)
def test_a_project_is_named_after_its_title(title: str, name: str) -> None:
    assert names.project_for(title) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [("A", "keyword"), ("I", "keyword"), ("ReadCopy", "every database"), ("SqliteThing", "SQLite keeps")],
)
def test_an_entity_whose_table_cannot_be_says_why(name: str, reason: str) -> None:
    assert names.entity(name) == ""  # a value object may be called so
    assert reason in names.table(name)


@pytest.mark.parametrize("name", ["Order", "Sqlite", "Sqliteness"])
def test_other_entities_may_have_a_table(name: str) -> None:
    assert names.table(name) == ""
