"""The questionnaire asks for what is read, in plain words and with examples that are right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from groundplan import catalogue, names, questionnaire, reading
from groundplan.reference_docs.answers_files import asked

ROOT = Path(__file__).resolve().parents[2]
FILES = re.findall(r"^!include (questions/\S+)$", (ROOT / "copier.yml").read_text("utf-8"), re.MULTILINE)
QUESTIONS: dict[str, dict[str, Any]] = {
    name: question for file in FILES for name, question in yaml.safe_load((ROOT / file).read_text("utf-8")).items()
}
CATALOGUE = catalogue.load(ROOT / "decisions")
ASKED = [name for name, question in QUESTIONS.items() if question.get("ask") is not False and "when" not in question]
EXAMPLES = {
    name: yaml.safe_load(help_.partition("Example:\n")[2])
    for name, question in QUESTIONS.items()
    if "Example:\n" in (help_ := question.get("help", ""))
}


def test_each_file_is_included_once_and_none_is_forgotten() -> None:
    assert sorted(FILES) == sorted(f"questions/{path.name}" for path in (ROOT / "questions").iterdir())


def test_a_question_says_nothing_that_copier_would_ignore() -> None:
    known = {
        "type",
        "help",
        "default",
        "choices",
        "multiselect",
        "multiline",
        "placeholder",
        "qmark",
        "when",
        "ask",
        "validator",
        "x-guide",
        "x-about",
        "x-choices",
        "x-items",
        "x-names",
        "x-table",
        "x-range",
    }
    assert {name: set(question) - known for name, question in QUESTIONS.items() if set(question) - known} == {}


@pytest.mark.parametrize("name", ASKED)
def test_a_question_names_the_guide_and_explains_itself(name: str) -> None:
    question = QUESTIONS[name]
    guide = question["x-guide"]
    assert all(re.fullmatch(r"[A-Z]+\d[\w.]*", id) for id in ([guide] if isinstance(guide, str) else guide))
    assert "?" in question["help"] or "decisions." in question["help"]
    assert "Example" in question["help"] or "choices" in question or question["type"] == "bool"
    assert question.get("multiline", False) == (question["type"] == "yaml" or name == "concept")


@pytest.mark.parametrize("name", ASKED)
def test_what_is_typed_is_checked_as_it_is_typed(name: str) -> None:
    question = QUESTIONS[name]
    typed = "choices" not in question or question.get("multiselect", False)
    expected = "{{ answer_error('" + name + "') }}" if typed and question["type"] != "bool" else None
    assert question.get("validator") == (expected if name != "decide_groups" else None)


@pytest.mark.parametrize("name", [name for name in ASKED if "x-choices" in QUESTIONS[name]])
def test_a_choice_has_a_companion_for_what_belongs_to_its_state(name: str) -> None:
    assert QUESTIONS[name]["choices"] == "{{ choices." + name + " }}"
    names = list(QUESTIONS)
    assert names[names.index(name) + 1] == f"{name}_because"
    companion = QUESTIONS[f"{name}_because"]
    assert companion["when"] == "{{ has_state." + name + " }}"
    assert companion["help"] == "{{ state_question." + name + " }}"


@pytest.mark.parametrize("name", [it.id for it in CATALOGUE.decisions])
def test_a_decision_takes_its_words_from_the_catalogue(name: str) -> None:
    question = QUESTIONS[name]
    for key, part in (("help", "help"), ("choices", "choices"), ("ask", "asked")):
        assert question[key] == "{{ decisions." + name + "." + part + " }}"
    assert question["default"] == "auto"


@pytest.mark.parametrize("depth", questionnaire.DEPTHS)
def test_a_section_opens_with_a_question_that_is_asked_whenever_one_of_it_is(depth: str) -> None:
    """Else its heading, which belongs to that question, would not be seen."""
    opened: set[str] = set()
    for question in questionnaire.QUESTIONS:
        if asked(question, CATALOGUE, depth):
            opened |= {question.section} if "━━━" in QUESTIONS[question.name]["qmark"] else set()
            assert question.section in opened, question.name


def test_an_express_run_asks_fifteen_questions() -> None:
    assert sum(asked(question, CATALOGUE, "express") for question in questionnaire.QUESTIONS) == 15


def test_what_is_read_is_asked() -> None:
    assert {*reading.ITEMS, *reading.DETAILS, *reading.NUMBERS} <= set(QUESTIONS)


def test_the_examples_of_all_questions_make_one_product() -> None:
    assert set(reading.ITEMS) <= set(EXAMPLES)
    for other in ("person", "tenants"):  # each is refused with the other
        given = {name: it for name, it in EXAMPLES.items() if name != other}
        product = reading.read({"project_name": "Bookshop"} | given)
        assert [service.name for service in product.services] == ["catalog", "orders", "notifications"]


def test_the_defaults_are_answers() -> None:
    defaults = {name: question["default"] for name, question in QUESTIONS.items() if "default" in question}
    assert reading.problems(defaults | {"project_name": "Bookshop", "project_slug": "bookshop"}) == ()


def test_only_a_name_and_an_idea_have_to_be_given() -> None:
    assert [name for name, question in QUESTIONS.items() if "default" not in question] == ["project_name", "concept"]


def test_files_that_every_service_has_are_managed_and_no_entity_can_take_their_place() -> None:
    folders = [*(ROOT / "template/services").glob("{% yield*"), *ROOT.glob("decisions/*/*/services/{service*}")]
    managed = {
        name
        for folder in folders
        for path in folder.iterdir()
        if "yield" not in path.name and (name := re.sub(r"\{%.*?%\}|\.jinja$", "", path.name).removesuffix(".py"))
    }
    assert managed == names.GENERATED_MODULES | names.OWNED_MODULES | names.JOB_MODULES | {"__init__"}
    settings = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8").partition("\n---\n")[0])
    spared = {pattern for pattern in settings["_skip_if_exists"] if pattern.startswith("!/services/*/")}
    assert spared == {f"!/services/*/{name}.py" for name in managed - names.OWNED_MODULES if name != "migrations"}
