"""An answer is a value, not needed, deferred, assumed or still to be given."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from groundplan.answers import Answer, Answers, frozen, parsed


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tbd", Answer("q")),
        (" TBD ", Answer("q")),
        (None, Answer("q")),
        ("", Answer("q")),
        ([], Answer("q", empty=True)),
        ({}, Answer("q", empty=True)),
        ([None, None], Answer("q", empty=True)),
        ([None, 0], Answer("q", "value", value=(None, 0))),
        ({"assume": [None]}, Answer("q")),
        (["tbd"], Answer("q")),
        (["defer: launch, Ana"], Answer("q", "defer", trigger="launch", owner="Ana")),
        (["assume: pii"], Answer("q", "assume", value="pii")),
        (["tbd", "pii"], Answer("q", "value", value=("tbd", "pii"))),
        ("not needed: one user", Answer("q", "not needed", reason="one user")),
        ({"not needed": "one user"}, Answer("q", "not needed", reason="one user")),
        ("not needed", Answer("q", "not needed")),
        ("Not needed:", Answer("q", "not needed")),
        ("defer: after the load test, Ana", Answer("q", "defer", trigger="after the load test", owner="Ana")),
        ({"defer": "launch, in May, Ana"}, Answer("q", "defer", trigger="launch, in May", owner="Ana")),
        ("defer: launch", Answer("q", "defer", trigger="launch")),
        ("defer", Answer("q", "defer")),
        ("assume: fifty users", Answer("q", "assume", value="fifty users")),
        ({"assume": {"weeks": 4}}, Answer("q", "assume", value={"weeks": 4})),
        ("assume:", Answer("q")),
        ("postgres", Answer("q", "value", value="postgres")),
        ("deferred shading: none", Answer("q", "value", value="deferred shading: none")),
        (0, Answer("q", "value", value=0)),
        (False, Answer("q", "value", value=False)),
        ({"defer": "a", "other": "b"}, Answer("q", "value", value={"defer": "a", "other": "b"})),
    ],
)
def test_the_state_is_read_from_the_answer(written: object, meant: Answer) -> None:
    assert Answers({"q": written})["q"] == meant


@pytest.mark.parametrize("chosen", ["defer", ["defer"]])
def test_a_state_that_was_chosen_is_completed_by_its_companion(chosen: object) -> None:
    answers = Answers({"q": chosen, "q_because": "the first partner, Ana"})
    assert answers["q"] == Answer("q", "defer", trigger="the first partner", owner="Ana")
    assert Answers({"q": "public", "q_because": "left over"})["q"].value == "public"


def test_a_value_and_an_assumption_are_known() -> None:
    answers = Answers({"a": 1, "b": "assume: 1", "c": "defer: later, me", "d": "not needed: no"})
    assert [answers[name].known for name in "abcde"] == [True, True, False, False, False]


def test_copiers_own_keys_are_no_answers() -> None:
    answers = Answers({"_src_path": "x", "depth": "express"})
    assert list(answers) == ["depth"]
    assert len(answers) == 1
    assert "_src_path" not in answers


def test_an_answer_is_immutable_to_its_last_part() -> None:
    value = Answers({"q": [{"a": [1]}]})["q"].value
    assert isinstance(value, tuple)
    assert isinstance(value[0], Mapping)
    assert value[0]["a"] == (1,)
    with pytest.raises(TypeError):
        value[0]["a"] = 2  # type: ignore[index]


def test_what_cannot_be_held_is_a_problem_and_still_to_be_answered() -> None:
    answers = Answers({"q": b"x", "r": "fine"})
    assert list(map(str, answers.problems)) == [
        "q: holds a bytes, which is neither text, number, list nor mapping. "
        "Fix: write plain text, numbers, lists and mappings."
    ]
    assert answers["q"] == Answer("q")
    assert answers["r"].value == "fine"


@pytest.mark.parametrize(
    ("text", "value"), [("[a, 1]", ("a", 1)), ("a: b", {"a": "b"}), ("plain words", "plain words"), ("", None)]
)
def test_text_is_read_as_yaml(text: str, value: object) -> None:
    assert parsed(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "not valid YAML in line 1"),
        ("a: b: c", "mapping values are not allowed here"),
        ("x: &a [*a]", "levels deep"),
        ("2026-13-45", "a day, number or tag that cannot be"),
        ("!!bool maybe", "a day, number or tag that cannot be"),
        ("!!timestamp soon", "a day, number or tag that cannot be"),
        ("9" * 5000, "a day, number or tag that cannot be"),
        ("!!python/object:os.system {}", "constructor"),
        ("[" * 2000, "deep"),
    ],
)
def test_text_that_is_no_yaml_is_a_value_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parsed(text)


@pytest.mark.parametrize("value", [float("inf"), -1, True, "🦊 \u202emirrored\u202c\ttab\nline"])
def test_what_a_file_can_hold_is_kept_as_it_is(value: object) -> None:
    assert frozen(value) == value
