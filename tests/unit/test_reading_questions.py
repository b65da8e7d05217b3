"""The questionnaire asks for what is read, in plain words and with examples that are right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from groundplan import names, reading

ROOT = Path(__file__).resolve().parents[2]
FILES = re.findall(r"^!include (questions/\S+)$", (ROOT / "copier.yml").read_text("utf-8"), re.MULTILINE)
QUESTIONS: dict[str, dict[str, Any]] = {
    name: question for file in FILES for name, question in yaml.safe_load((ROOT / file).read_text("utf-8")).items()
}
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
        "x-guide",
    }
    assert {name: set(question) - known for name, question in QUESTIONS.items() if set(question) - known} == {}


@pytest.mark.parametrize("name", ASKED)
def test_a_question_names_the_guide_and_explains_itself(name: str) -> None:
    question = QUESTIONS[name]
    assert re.fullmatch(r"[A-Z]+\d[\w.]*", question["x-guide"])
    assert "?" in question["help"] or "decisions." in question["help"]
    assert "Example" in question["help"] or "choices" in question or question["type"] == "bool"
    assert question.get("multiline", False) == (question["type"] == "yaml" or name == "concept")


def test_a_section_opens_with_a_question_that_is_asked_whenever_one_of_it_is() -> None:
    asks: list[str] = []
    for name in ASKED:
        ask = QUESTIONS[name].get("ask", "")
        if "━━━" in QUESTIONS[name]["qmark"]:
            asks = [ask]
        assert asks[0] in ("", ask) or ("!=" in asks[0] and "==" in ask), name


def test_an_express_run_asks_fifteen_questions() -> None:
    assert len([name for name in ASKED if "ask" not in QUESTIONS[name]]) == 15


def test_what_is_read_is_asked() -> None:
    assert {*reading.ITEMS, *reading.DETAILS, *reading.NUMBERS} <= set(QUESTIONS)


def test_the_examples_of_all_questions_make_one_product() -> None:
    assert set(reading.ITEMS) <= set(EXAMPLES)
    product = reading.read({"project_name": "Bookshop"} | EXAMPLES)
    assert [service.name for service in product.services] == ["catalog", "orders", "notifications"]


def test_the_defaults_are_answers() -> None:
    defaults = {name: question["default"] for name, question in QUESTIONS.items() if "default" in question}
    assert reading.problems({"project_name": "Bookshop"} | defaults | {"project_slug": "bookshop"}) == ()


def test_only_a_name_and_an_idea_have_to_be_given() -> None:
    assert [name for name, question in QUESTIONS.items() if "default" not in question] == ["project_name", "concept"]


def test_files_that_every_service_has_are_managed_and_no_entity_can_take_their_place() -> None:
    (folder,) = (ROOT / "template" / "services").glob("{% yield*")
    managed = {
        name
        for path in folder.iterdir()
        if "yield" not in path.name and (name := re.sub(r"\{%.*?%\}|\.jinja$", "", path.name).removesuffix(".py"))
    }
    assert managed == names.GENERATED_MODULES | {"__init__"}
    settings = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8").partition("\n---\n")[0])
    spared = {pattern for pattern in settings["_skip_if_exists"] if pattern.startswith("!/services/*/")}
    assert spared == {f"!/services/*/{name}.py" for name in managed if name != "migrations"}
