"""Rates in people's words."""

from __future__ import annotations

import pytest

from groundplan.reading import Rate, rate


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("10 a second", Rate(10, 1)),
        ("10 messages a second", Rate(10, 1)),
        ("100 per minute", Rate(100, 60)),
        ("100/min", Rate(100, 60)),
        ("at most 5,000 requests per hour", Rate(5_000, 3_600)),
        ("1 million an month", Rate(1_000_000, 30 * 86_400)),
        ("20k/day", Rate(20_000, 86_400)),
        ("3 every 10 seconds", Rate(3, 10)),
        ("20 requests a second", Rate(20, 1)),
    ],
)
def test_how_often_something_may_happen_is_read(words: str, expected: Rate) -> None:
    assert rate(words) == expected


@pytest.mark.parametrize("words", ["", None, 9, "none in the contract", "0 a day", "10 at once", "all readers"])
def test_what_speaks_of_no_rate_is_none(words: object) -> None:
    assert rate(words) is None
