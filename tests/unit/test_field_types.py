"""The registry of field types: its entries agree with each other, and with what answers may say."""

from __future__ import annotations

import re

import pytest

from groundplan.codegen.example_drafts import filled
from groundplan.field_types import FIELD_TYPES, FieldType
from groundplan.questionnaire import BY_NAME
from groundplan.reading import read

SHOP = {"project_name": "Shop", "concept": "Sells.", "services": ["shop: sells"]}
TYPES = pytest.mark.parametrize("field_type", FIELD_TYPES.values(), ids=list(FIELD_TYPES))


@TYPES
def test_the_examples_of_generated_tests_are_valid(field_type: FieldType) -> None:
    for number in (1, 2, 3000):
        assert field_type.read(str(filled(field_type.example, number))) is not None


@TYPES
def test_what_takes_the_place_of_a_sensitive_value_is_valid(field_type: FieldType) -> None:
    assert field_type.read(str(field_type.blank) or "-") is not None
    own = field_type.blank_of_its_own.replace("{id}", "0198f5a0-0000-7000-8000-000000000001")
    assert not own or field_type.read(own)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("email", it) for it in ("<a@b.co>", "a@b.co.", "a@-b.co", "a@b..co", "é@b.co")),
        *(("url", it) for it in ("https://", "https:///a", "https://a/é", "https://a/{b}", "ftp://a")),
    ],
)
def test_an_answer_gives_no_value_that_models_refuse(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=re.escape(value)):
        FIELD_TYPES[name].read(value)


@TYPES
def test_no_two_examples_of_generated_tests_are_equal(field_type: FieldType) -> None:
    examples = {filled(field_type.example, number) for number in range(1, 1001)}
    assert len(examples) == (1 if field_type.name in ("bool", "float") else 1000)


@TYPES
def test_the_example_of_an_error_message_is_a_default_that_an_answer_may_give(field_type: FieldType) -> None:
    value = field_type.answer_example.removeprefix("true or ")
    entity = f"shop.Thing(x: {field_type.name} = {value})"
    product = read(
        {"project_name": "Shop", "concept": "Sells.", "services": ["shop: sells"], "data_entities": [entity]}
    )
    assert product.entities["Thing"].fields[0].default == field_type.read(value.strip("'"))


@TYPES
def test_values_are_accepted_by_other_types_only(field_type: FieldType) -> None:
    assert set(field_type.accepted_by) <= FIELD_TYPES.keys() - {field_type.name}


@TYPES
def test_constructors_have_a_value_in_rules(field_type: FieldType) -> None:
    """What has no literal in Python needs to be explained to the author of a rule."""
    assert bool(field_type.constructor) == bool(field_type.in_rules)


@TYPES
def test_openapi_has_a_type_for_it(field_type: FieldType) -> None:
    """One that is like no other there, so that `plan check` can tell which it is."""
    assert not FIELD_TYPES[field_type.in_openapi or field_type.name].in_openapi


def test_aliases_are_unique() -> None:
    assert len({it.alias for it in FIELD_TYPES.values()}) == len(FIELD_TYPES)


def test_the_question_for_entities_lists_the_types() -> None:
    assert f"Types: {' '.join(FIELD_TYPES)}, a|b|c" in BY_NAME["data_entities"].help
