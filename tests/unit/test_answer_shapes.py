"""Kinds are what the questionnaire writes, and say so to the person who answers."""

from __future__ import annotations

import pytest

from groundplan.answer_shapes import Kind, ShapeError, kind, shape


@pytest.mark.parametrize(
    ("written", "meant", "shown"),
    [
        ("text", Kind("text"), "text"),
        ("whole 1..7", Kind("whole", 1, 7), "a whole number from 1 to 7"),
        ("low|high", Kind("choice", words=("low", "high")), "low or high"),
        ("flag", Kind("flag"), "true or false"),
    ],
)
def test_a_kind_is_read(written: str, meant: Kind, shown: str) -> None:
    assert kind(written) == meant
    assert str(kind(written)) == shown


@pytest.mark.parametrize("written", ["txt", "whole 1-7", "", "whole 1..x"])
def test_a_kind_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(ShapeError, match="is not a kind"):
        kind(written)


def test_the_first_two_parts_are_the_short_form() -> None:
    risk = shape({"risk": "text", "mitigation": "text", "owner": "text"})
    assert (risk.name, risk.text, risk.others) == ("risk", "mitigation", ("owner",))
    assert risk.parts["owner"] == Kind("text")
