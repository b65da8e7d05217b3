"""Patterns mean the same wherever they are read, and have examples that match."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import SchemaValidator, core_schema

from groundplan.patterns import Unportable, portable


def filled(example: str, number: int) -> str:
    """An example as the draft of a number has it, with its letters as those of `number` in base 26."""
    letters = ""
    rest = number
    while rest:
        rest, digit = divmod(rest, 26)
        letters = chr(ord("a") + digit) + letters
    return example.format(number=number, letters=letters, capitals=letters.upper())


@pytest.mark.parametrize(
    ("written", "meant", "example"),
    [
        ("^[a-z-]+$", "^[a-z-]+$", "{letters:a>3}"),
        ("^[a-z]+(-[a-z]+)*$", "^[a-z]+(-[a-z]+)*$", "{letters:a>3}"),
        (r"^\d{4}-[A-Z]{2}$", "^[0-9]{4}-[A-Z]{2}$", "{number:0>4}-AA"),
        ("^[A-Z]{3}$", "^[A-Z]{3}$", "{capitals:A>3}"),
        ("^(a|b)c+?$", "^(a|b)c+?$", "ac"),
        (r"^\w+@x\.y$", r"^[A-Za-z0-9_]+@x\.y$", "{number:0>4}@x.y"),
        (r"^(?:ab){2}[\d.-]$", "^(?:ab){2}[0-9.-]$", "abab1"),
        (r"^\{x\}\-\/$", r"^\{x\}-/$", "{{x}}-/"),
        ("[^,]{1,9}", "[^,]{1,9}", "{number:0>4}"),
        (".", ".", "a"),
    ],
)
def test_a_pattern_has_an_example(written: str, meant: str, example: str) -> None:
    pattern = portable(written)
    assert (pattern.text, pattern.example(1, 255)) == (meant, example)
    for number in (1, 700):
        assert re.search(pattern.text, filled(example, number))


@pytest.mark.parametrize(
    ("pattern", "least", "most", "example"),
    [("^[a-z]+$", 3, 5, "{letters:a>3}"), ("^[a-z]+$", 30, 50, "{letters:a>30}"), ("^[a-z-]+$", 1, 2, "a")],
)
def test_an_example_has_the_length_that_is_asked_for(pattern: str, least: int, most: int, example: str) -> None:
    assert portable(pattern).example(least, most) == example


def test_a_pattern_may_match_nothing() -> None:
    with pytest.raises(Unportable, match="matches no text, or none that is easily found"):
        portable("a^").example(1, 255)


def test_a_pattern_may_match_no_text_of_a_length() -> None:
    with pytest.raises(Unportable, match="matches no text of 3 to 5 characters"):
        portable("^[a-z]{9}$").example(3, 5)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("(?i)a", "has '?i)' behind a bracket, which not every program reads"),
        ("(?=a)", "has '?=a' behind a bracket, which not every program reads"),
        (r"a\b", r"has '\b', which not every program reads alike"),
        (r"(a)\1", r"has '\1', which not every program reads alike"),
        ("[a", "has a square bracket that nothing closes"),
        ("(a", "has a bracket that nothing closes"),
        ("a)", "has a bracket that nothing opens"),
        ("[]", "has square brackets with nothing in them"),
        ("[[:alpha:]]", "has '[:' in square brackets; write a backslash before such characters"),
        ("[z-a]", "has an empty range of characters"),
        ("a**", "has '*' behind a repetition"),
        ("a++", "has '+' behind a repetition"),
        ("a{3,1}", "has the empty repetition {3,1}"),
        ("a{2", r"has '{' where it counts nothing; write '\{' for the character"),
        ("*a", "has '*' where it stands for nothing; write a backslash before the character"),
        ("(a{99}){99}", "repeats too much"),
        ("a" * 201, "is longer than 200 characters"),
    ],
)
def test_what_is_read_otherwise_elsewhere_is_refused(written: str, reason: str) -> None:
    with pytest.raises(Unportable) as refused:
        portable(written)
    assert str(refused.value) == reason


SIGNS = "abzAZ019-_.,/ \\^$|()[]{}*+?\u00e9"
PIECES = st.sampled_from(
    [*SIGNS, r"\d", r"\w", r"\.", r"\-", "[a-z]", "[^x]", "{2}", "{1,3}", "(?:", "]{"],
)


@given(st.lists(PIECES, max_size=8).map("".join), st.text(max_size=5))
def test_what_is_portable_is_read_alike(written: str, text: str) -> None:
    """By the regular expressions of Python, and by those of Pydantic, which are those of Rust."""
    try:
        pattern = portable(written)
        example = filled(pattern.example(0, 255), 7)
    except Unportable:
        return
    rust = SchemaValidator(core_schema.str_schema(pattern=pattern.text))
    assert rust.validate_python(example) == example
    if "\n" not in text:
        assert rust.isinstance_python(text) == bool(re.search(pattern.text, text))
