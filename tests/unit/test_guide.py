"""Every question of the guide is asked, and this repository shows what is claimed about the guide's parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundplan.gaps import MUST, RULES
from groundplan.questionnaire import QUESTIONS
from groundplan.reference_docs import guide_coverage

ROOT = Path(__file__).parents[2]
PARTS = guide_coverage.read(ROOT / "docs" / "guide.yml")

GROUPS = {"G": [4, 4, 4, 4, 3, 3, 3, 3, 3, 3], "A": [3, 3, 3, 3, 3, 3], "S": [3, 3, 3, 3], "T": [3, 3, 3, 3]}
"""How many questions and decision points the guide has, section by section."""

QUESTIONS_OF_THE_GUIDE = [
    f"{letter}{number}{chr(ord('a') + index)}"
    for letter, counts in GROUPS.items()
    for number, count in enumerate(counts, 1)
    for index in range(count)
]


def test_the_guide_has_76_questions_and_195_parts() -> None:
    assert len(QUESTIONS_OF_THE_GUIDE) == 76
    assert len(PARTS) == len({part.id for part in PARTS}) == 195


@pytest.mark.parametrize("id", QUESTIONS_OF_THE_GUIDE)
def test_each_question_of_the_guide_is_a_question_here(id: str) -> None:
    assert any(id in question.guide for question in QUESTIONS)
    assert next(part for part in PARTS if part.id == id).evidence


def test_no_question_names_a_part_that_the_guide_does_not_have() -> None:
    known = {part.id for part in PARTS}
    assert {id for question in QUESTIONS for id in question.guide} <= known


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.id)
def test_what_is_claimed_is_there(part: guide_coverage.Part) -> None:
    assert bool(part.evidence) != bool(part.not_yet)
    for reference in part.evidence:
        path, _, inside = reference.partition("#")
        assert (ROOT / path).exists(), reference
        assert not inside or inside in (ROOT / path).read_text("utf-8"), reference


DETECTED = {
    "the five points of the review": ["Q2a", "Q2b", "Q2c", "Q2d", "Q2e"],
    "what must be resolved": ["Q3a", "Q3b", "Q3c", "Q3d"],
    "what can wait": ["Q4"],
    "the pitfalls": [f"PF{number}" for number in range(1, 7)],
    "the quality indicators": [f"QI{number}" for number in range(1, 7)],
}


@pytest.mark.parametrize("id", [id for ids in DETECTED.values() for id in ids])
def test_what_the_guide_looks_for_has_detectors(id: str) -> None:
    detectors = next(part for part in PARTS if part.id == id).detectors
    assert len(detectors) == (4 if id == "Q4" else 1)
    for rules in detectors.values():
        assert rules
        assert set(rules) <= set(RULES)


def test_what_must_be_resolved_before_coding_is_detected_as_such() -> None:
    for part in PARTS:
        categories = {RULES[rule].category for rules in part.detectors.values() for rule in rules}
        if part.id in DETECTED["what must be resolved"]:
            assert MUST in categories
        if part.id in DETECTED["what can wait"]:
            assert MUST not in categories
