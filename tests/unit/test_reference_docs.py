"""What this repository says of its questionnaire is in step with it, and the schema takes answers and nothing else."""

from __future__ import annotations

import copy
import datetime
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from groundplan import catalogue, questionnaire, reading
from groundplan.reference_docs import documents

ROOT = Path(__file__).parents[2]
PUBLISHED = dict(documents(ROOT))
SCHEMA = json.loads(PUBLISHED["docs/answers.schema.json"])
VALIDATOR = Draft202012Validator(SCHEMA)
CATALOGUE = catalogue.load(ROOT / "decisions")


def plain(value: Any) -> Any:
    """YAML's days as the text that they were written as, which is how editors see them."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


EXAMPLES: dict[str, dict[str, Any]] = {
    path.stem: plain(yaml.safe_load(path.read_text("utf-8"))) for path in sorted((ROOT / "examples").glob("*.yml"))
}


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of an answer."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    yield before
    for key, item in inner:
        yield from paths(item, (*before, key))


def part(answers: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        answers = answers[step]
    return answers


def errors(answers: dict[str, Any]) -> list[str]:
    return [f"{'.'.join(map(str, it.absolute_path))}: {it.message[:200]}" for it in VALIDATOR.iter_errors(answers)]


@pytest.mark.parametrize("path", PUBLISHED)
def test_what_is_published_is_in_step(path: str) -> None:
    """`uv run docs/build.py` writes it anew."""
    assert (ROOT / path).read_text("utf-8") == PUBLISHED[path]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["additionalProperties"] is False
    assert set(SCHEMA["properties"]) >= {it.name for it in questionnaire.QUESTIONS} - {"guard"}


class TestTakes:
    @pytest.mark.parametrize("name", EXAMPLES)
    def test_the_examples(self, name: str) -> None:
        assert errors(EXAMPLES[name]) == []

    @pytest.mark.parametrize("depth", questionnaire.DEPTHS)
    def test_the_files_to_fill_in(self, depth: str) -> None:
        answers = plain(yaml.safe_load(PUBLISHED[f"docs/answers.example.{depth}.yml"]))
        assert errors(answers) == []
        assert reading.problems(answers) == ()

    @pytest.mark.parametrize("question", [it for it in questionnaire.QUESTIONS if it.example], ids=lambda it: it.name)
    def test_what_a_question_shows_as_its_example(self, question: questionnaire.Question) -> None:
        answer = plain(yaml.safe_load(question.example))
        assert errors({"project_name": "Shop", "concept": "Sells.", question.name: answer}) == []

    @pytest.mark.parametrize("question", [it for it in questionnaire.QUESTIONS if it.about], ids=lambda it: it.name)
    def test_every_state_of_a_requirement(self, question: questionnaire.Question) -> None:
        for state in ("tbd", "not needed: nobody asks", "not needed", "defer: the first partner, the owner"):
            answer = [state] if question.many else state
            assert errors({"project_name": "Shop", "concept": "Sells."} | {question.name: answer}) == []


IN_FULL = {"entity": "Book", "create": "Shopkeeper", "read": ["owner", "anyone"], "all": [], "owner": "author"}
OF_ENTITY = {key: value for key, value in IN_FULL.items() if key != "entity"}
LINE = "create Shopkeeper, read owner | anyone; owner: author"


class TestAccess:
    """Who may do what is taken in each form that is read, and in none that is refused for its form."""

    @pytest.mark.parametrize(
        "answer",
        [
            "Book: create Shopkeeper",
            [f"Book: {LINE}"],
            {"Book": LINE},
            [{"Book": LINE}],
            {"Book": OF_ENTITY},
            [{"Book": OF_ENTITY, "Order": LINE.replace("author", "customer")}],
            IN_FULL,
            [IN_FULL, "Order: all Shopkeeper"],
            {"entity": "Book"},
            {"assume": [f"Book: {LINE}"]},
            {"assume": {"Book": LINE}},
            "tbd",
            None,
        ],
    )
    def test_takes_each_form(self, answer: object) -> None:
        given = EXAMPLES["bookshop"] | {"access": answer}
        assert errors(given) == []
        assert reading.problems(given) == ()

    @pytest.mark.parametrize(
        "answer",
        [
            3,
            True,
            [3],
            [[f"Book: {LINE}"]],
            [{}],
            {"read": ["Reader"]},
            [{"read": ["Reader"]}],
            {"entity": 3},
            {"entity": "Book", "reed": ["Reader"]},
            {"entity": "Book", "read": [3]},
            {"entity": "Book", "read": {"Reader": 3}},
            {"entity": "Book", "owner": ["author"]},
            {"Book": ["read Reader"]},
            {"Book": 3},
            {"Book": {"reed": ["Reader"]}},
            {"Book": {"entity": "Order", "read": ["Reader"]}},
            {"assume": 3},
        ],
        ids=str,
    )
    def test_refuses_others(self, answer: object) -> None:
        given = EXAMPLES["bookshop"] | {"access": answer}
        assert errors(given)
        assert reading.problems(given)


class TestRefuses:
    """What a mutated copy of a good file holds is refused, wherever it was changed."""

    PLACES = tuple((name, path) for name in EXAMPLES for path in paths(EXAMPLES[name]) if path)

    def changed(self, name: str, path: tuple[Any, ...], value: Any) -> dict[str, Any]:
        answers = copy.deepcopy(EXAMPLES[name])
        part(answers, path[:-1])[path[-1]] = value
        return answers

    @given(st.sampled_from(PLACES), st.sampled_from([3.5, True, ["x", ["y"]], {"a": {"b": {"c": 1}}}]))
    def test_a_part_of_another_type(self, place: tuple[str, tuple[Any, ...]], junk: Any) -> None:
        name, path = place
        now = part(EXAMPLES[name], path)
        if isinstance(now, bool) and isinstance(junk, bool):
            return
        if isinstance(now, (int, float)) and isinstance(junk, float):
            return
        answers = self.changed(name, path, junk)
        if reading.problems(answers):
            assert errors(answers), f"{path} = {junk!r}"

    @given(st.sampled_from(sorted({(n, p) for n, p in PLACES if isinstance(part(EXAMPLES[n], p), dict)}, key=str)))
    def test_a_key_that_nobody_knows(self, place: tuple[str, tuple[Any, ...]]) -> None:
        name, path = place
        if path[-1] in ("fields", "with", "rejected"):  # whose keys are the writer's own
            return
        answers = self.changed(name, path, {**part(EXAMPLES[name], path), "wether": "x"})
        if reading.problems(answers):
            assert errors(answers), path

    def test_a_question_that_nobody_asks(self) -> None:
        assert errors(EXAMPLES["bookshop"] | {"storage_knd": "sqlite"})

    @pytest.mark.parametrize(
        "question",
        [it for it in questionnaire.QUESTIONS if it.choices or "decisions." in it.help],
        ids=lambda it: it.name,
    )
    def test_a_word_that_is_no_choice(self, question: questionnaire.Question) -> None:
        answer = ["publik"] if question.many else "publik"
        assert errors(EXAMPLES["bookshop"] | {question.name: answer})

    def test_an_option_that_is_planned(self) -> None:
        for decision in CATALOGUE.decisions:
            for option in decision.options:
                if not option.offered:
                    assert errors(EXAMPLES["bookshop"] | {decision.id: option.name})

    @pytest.mark.parametrize("missing", ["project_name", "concept"])
    def test_a_file_without_what_nobody_else_can_say(self, missing: str) -> None:
        assert errors({key: value for key, value in EXAMPLES["bookshop"].items() if key != missing})


class TestQuestionnaire:
    def test_names_every_question_and_every_option(self) -> None:
        text = PUBLISHED["docs/questionnaire.md"]
        for question in questionnaire.QUESTIONS:
            if question.guide:
                assert f"\n### {question.name}\n" in text
        for decision in CATALOGUE.decisions:
            for option in decision.options:
                planned = "" if option.offered else r" \(planned\) "
                assert re.search(rf"^\| `{option.name}` \|.*{planned}", text, re.MULTILINE)
