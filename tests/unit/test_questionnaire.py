"""The questions as the guard reads them, and the answers that Copier would not take."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundplan import questionnaire
from groundplan.answers import Answers
from groundplan.questionnaire import CASTS, Question

REPOSITORY = Path(__file__).parents[2]

QUESTIONS = (
    Question("name", "str", required=True),
    Question("colour", "str", choices=("red", "blue")),
    Question("colours", "str", choices=("red", "blue"), many=True),
    Question("size", "int"),
    Question("loud", "bool"),
    Question("parts", "yaml"),
)

BOMB: list[object] = ["x"]
for _ in range(9):
    BOMB = [BOMB] * 10  # as YAML aliases make it: ten lines, a thousand million parts


def problems(given: dict[str, object], complete: bool = False) -> list[str]:
    return [str(problem) for problem in questionnaire.check(QUESTIONS, given, complete)[1]]


class TestLoad:
    def test_follows_includes_in_their_order(self, tmp_path: Path) -> None:
        (tmp_path / "questions").mkdir()
        (tmp_path / "questions" / "b.yml").write_text("b: {type: int, default: 1}\n")
        (tmp_path / "questions" / "a.yml").write_text("a: {type: str, choices: {Red: red, Blue: {value: blue}}}\n")
        (tmp_path / "copier.yml").write_text(
            "_answers_file: it\nfirst: {type: bool}\n---\n!include questions/b.yml\n---\n!include questions/a.yml\n"
        )
        assert questionnaire.load(tmp_path) == (
            Question("first", "bool", required=True),
            Question("b", "int", default=1),
            Question("a", "str", choices=("red", "blue"), required=True, labels=("Red", "Blue")),
        )

    @pytest.mark.parametrize("choices", ["[red, blue]", "[[Red, red], [Blue, blue]]", "{Red: red, Blue: blue}"])
    def test_knows_every_way_to_write_choices(self, tmp_path: Path, choices: str) -> None:
        (tmp_path / "copier.yml").write_text(f"colour: {{type: str, choices: {choices}, default: red}}\n")
        assert questionnaire.load(tmp_path)[0].choices == ("red", "blue")

    def test_leaves_computed_choices_to_the_code_that_computes_them(self, tmp_path: Path) -> None:
        (tmp_path / "copier.yml").write_text('colour: {type: str, choices: "{{ all }}", default: red}\n')
        assert questionnaire.load(tmp_path)[0].choices == ()
        questions = questionnaire.with_choices(questionnaire.load(tmp_path), {"colour": ("red",)})
        assert questions[0].choices == ("red",)


class TestCheck:
    @pytest.mark.parametrize(
        ("name", "given", "taken"),
        [
            ("name", "Shop", "Shop"),
            ("name", 7, "7"),
            ("size", "7", 7),
            ("loud", "yes", True),
            ("loud", False, False),
            ("colours", ["red"], ["red"]),
            ("colours", "[red, blue]", ["red", "blue"]),
            ("parts", "a: [1]", {"a": (1,)}),
            ("parts", {"a": [1]}, {"a": [1]}),
            ("parts", None, None),
        ],
    )
    def test_takes_what_copier_takes(self, name: str, given: object, taken: object) -> None:
        assert questionnaire.check(QUESTIONS, {name: given}, complete=False) == ({name: taken}, ())

    @pytest.mark.parametrize(
        ("name", "given", "message"),
        [
            ("colour", "rad", "colour: 'rad' is not one of red, blue. Fix: did you mean 'red'?"),
            ("colours", ["red", "green"], "colours: 'green' is not one of red, blue. Fix: "),
            ("colours", 3, "colours: '3' is not a list. Fix: write it as a list, e.g. [red, blue]."),
            ("name", [BOMB], "name: has more than 50,000 parts"),
            ("history", [BOMB], "history: is not a question"),
            ("parts", 10**18, "parts: holds a number of more than 18 digits"),
            ("", 3, "'': is not a question of this template"),
            ("colours", "[red", "colours: is not valid YAML"),
            ("name", ["Shop"], "name: '['Shop']' is not text. Fix: write text in quotes."),
            ("name", None, "name: 'None' is not text"),
            ("size", "many", "size: 'many' is not a whole number. Fix: write digits only."),
            ("size", True, "size: 'True' is not a whole number"),
            ("size", 1.5, "size: '1.5' is not a whole number"),
            ("loud", "loudly", "loud: 'loudly' is not yes or no. Fix: write true or false."),
            ("parts", "a: b: c", "parts: is not valid YAML"),
            ("sise", 3, "sise: is not a question of this template. Fix: did you mean 'size'?"),
        ],
    )
    def test_tells_what_copier_would_stumble_over(self, name: str, given: object, message: str) -> None:
        (problem,) = problems({name: given})
        assert problem.startswith(message)

    def test_misses_what_nobody_will_be_asked(self) -> None:
        assert problems({}) == []
        assert problems({}, complete=True) == ["name: is missing. Fix: add it to the answers."]


def test_the_real_questions_have_types_that_are_known() -> None:
    assert {question.type for question in questionnaire.load(REPOSITORY)} <= set(CASTS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"deploy_target": "vm", "deploy_target_because": "the contract"}, "belongs to a state of deploy_target"),
        ({"deploy_target": "defer: a, b", "deploy_target_because": "c"}, "belongs to a state of deploy_target"),
        ({"python_version": "assume", "python_version_because": "3.99"}, "'3.99' is not one of 3.11, 3.12, 3.13"),
        ({"data_sensitivity": ["none", "pii"]}, "'none' cannot be combined with other answers"),
        ({"data_sensitivity": ["tbd", "pii"]}, "'tbd' cannot be combined with other answers"),
        ({"data_sensitivity": "defer: a, b"}, "write it as a list, e.g. ['defer: a, b']"),
        ({"personas": {"defer": ["x"]}}, "says `defer` with something that is not text"),
    ],
)
def test_what_no_state_can_take_is_reported(given: dict[str, object], message: str) -> None:
    problems = [str(it) for it in questionnaire.check(questionnaire.QUESTIONS, given, complete=False)[1]]
    assert problems or (problems := list(map(str, Answers(given).problems)))
    assert message in problems[0]


def test_a_deferral_may_name_its_parts() -> None:
    answer = Answers({"personas": {"defer": {"trigger": "the first partner", "owner": "Ana"}}})["personas"]
    assert (answer.state, answer.trigger, answer.owner) == ("defer", "the first partner", "Ana")
