"""Every question meets every wrong kind of answer: each is taken, or refused in lines that name it and the fix."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Any

import pytest

from groundplan import catalogue, generation, names, questionnaire
from groundplan.problems import Problem, Refused
from groundplan.questionnaire import QUESTIONS, Question

CATALOGUE = catalogue.load(Path(__file__).parents[2] / "decisions")
ALL = questionnaire.with_choices(QUESTIONS, {decision.id: decision.words for decision in CATALOGUE.decisions})
ASKED = [question for question in ALL if question.is_asked]
BASE: dict[str, Any] = {"project_name": "Shop", "concept": "Sells books.", "services": ["shop: sells books"]}

BOMB: list[Any] = ["x"]
for _ in range(12):
    BOMB = [BOMB] * 10
ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)

JUNK: dict[str, Any] = {
    "nothing": None,
    "yes": True,
    "what YAML makes of no": False,
    "a number": 3,
    "a negative number": -1,
    "a number with a point": 3.5,
    "what YAML makes of 3.10": 3.10,
    "no number": float("nan"),
    "a number without end": float("inf"),
    "a huge number": 10**40,
    "empty text": "",
    "a text of 100 kB": "x" * 100_000,
    "many lines": "x\n" * 20_000,
    "a control character": "a\x07b",
    "half a character": "\ud800",
    "braces": "{{ 7 * 7 }}{% for x in y %}",
    "broken YAML": "a: b: c",
    "an empty list": [],
    "an empty mapping": {},
    "lists in a list": [[[]]],
    "numbers in a list": [1, 2.5, True],
    "a mapping of mappings": {"a": {"b": {"c": 1}}},
    "keys that are not text": {2: 2, None: 3, True: False},
    "a day": datetime.date(2026, 3, 1),
    "a moment": datetime.datetime(2026, 3, 1, 12),
    "bytes": b"x",
    "a bomb": BOMB,
    "a list in itself": ENDLESS,
    "deep": [[[[[[[[[[[[[[["x"]]]]]]]]]]]]]]],
}


def problems(question: Question, value: Any) -> tuple[Problem, ...]:
    """The problems reported for an answer; none where a project can be made with it."""
    given = BASE | {question.name: value}
    taken, found = questionnaire.check(ALL, given, complete=True)
    if not found:
        try:
            generation.build(taken, CATALOGUE)
        except Refused as refused:
            return refused.problems
    return found


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.name)
def test_is_taken_or_reported_in_a_line(question: Question) -> None:
    for what, value in JUNK.items():
        start = time.monotonic()
        for problem in problems(question, value):
            line = str(problem)
            assert len(line.splitlines()) == 1, what
            assert len(line) < 1000, what
            assert ". Fix: " in line, what
            assert problem.question in (question.name, *BASE, "project_slug", "data_entities"), (what, line)
        assert time.monotonic() - start < 5, f"{what} takes too long"


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.name)
@pytest.mark.parametrize("what", ["a bomb", "a list in itself", "a text of 100 kB", "a control character", "bytes"])
def test_what_no_file_can_hold_is_refused(question: Question, what: str) -> None:
    (problem, *_) = problems(question, JUNK[what])
    assert problem.answer == question.name


@pytest.mark.parametrize("question", [it for it in ASKED if it.type == "str"], ids=lambda question: question.name)
@pytest.mark.parametrize("value", [False, 3.10])
def test_what_yaml_made_of_a_text_is_reported(question: Question, value: Any) -> None:
    """`no` becomes false and `3.10` becomes 3.1: taking either for the text would change it."""
    (problem, *_) = problems(question, [value] if question.many else value)
    assert "quotes" in problem.fix


def test_no_setting_has_two_meanings() -> None:
    """Whatever an option reads, no name of a service or an API is taken that would need a setting of that name."""
    words = [name.lower().split("_") for name in CATALOGUE.settings]
    heads = sorted({"_".join(parts[:count]) for parts in words for count in range(1, len(parts))})
    free = [name for name in heads if not names.external_api(name, CATALOGUE.settings)]
    made = generation.build(BASE | {"external_apis": free}, CATALOGUE).project
    assert {it.name for it in made.environment if "external_apis" in it.because_of}.isdisjoint(CATALOGUE.settings)
    for name in set(heads) - set(free):
        with pytest.raises(Refused, match=f"external_apis.0.: '{name}' needs the setting"):
            generation.build(BASE | {"external_apis": [name]}, CATALOGUE)
        with pytest.raises(Refused, match=f"services.0.: '{name}' "):
            generation.build(BASE | {"services": [f"{name}: x"]}, CATALOGUE)
    assert {"metrics", "rabbitmq", "nats", "redis", "oidc_jwks"} < set(heads) - set(free)
