"""How open questions are put to somebody: whichever it is, there is something to choose, a form and an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from groundplan import catalogue, generation
from groundplan.planning.open_questions import MOST, OpenQuestion, open_questions
from groundplan.questionnaire import BY_NAME, QUESTIONS
from projects import EXAMPLES, REPOSITORY, answers

REAL = catalogue.load(REPOSITORY / "decisions")
ASKED = tuple(it.name for it in QUESTIONS if it.is_asked and not it.name.endswith("_because"))
NOTHING: dict[str, Any] = {"project_name": "Shop", "concept": "Sells.", "mvp_features": "tbd"}
BRIEFS: dict[str, dict[str, Any]] = {"nothing": NOTHING} | {it.stem: answers(it) for it in EXAMPLES}


def questions(given: Mapping[str, object], *names: str) -> dict[str, OpenQuestion]:
    made = generation.build(given, REAL).project
    return {it.question: it for it in open_questions(names or ASKED, made.answers, made.product, made.decisions)}


@pytest.mark.parametrize("brief", BRIEFS)
def test_every_question_can_be_asked(brief: str) -> None:
    for name, it in questions(BRIEFS[brief]).items():
        assert it.wording, name
        assert it.form, name
        assert 2 <= len(it.options) <= MOST, (name, it.options)
        assert all(each.label and each.reason for each in (*it.options, *it.more)), name
        assert len({each.value for each in it.options}) == len(it.options), name


@pytest.mark.parametrize("brief", BRIEFS)
def test_what_is_shown_as_an_example_or_answered_today_is_taken(brief: str) -> None:
    for name, it in questions(BRIEFS[brief]).items():
        for text in filter(None, (it.example, it.answer)):
            value = text if BY_NAME[name].type == "str" and not BY_NAME[name].many else yaml.safe_load(text)
            BY_NAME[name].taken(value)


def test_options_of_a_decision_can_be_taken() -> None:
    given = BRIEFS["bookshop"] | {"decision_overrides": {}}
    for decision in REAL.decisions:
        (it,) = questions(given, decision.id).values()
        for option in it.options:
            generation.build(given | {decision.id: option.value}, REAL)
        assert it.why


def test_what_is_recommended_comes_first() -> None:
    given = BRIEFS["bookshop"] | {"storage_kind": "auto", "decision_overrides": {}}
    proposed = generation.build(given, REAL).project.decision("storage_kind").option.name
    assert questions(given, "storage_kind")["storage_kind"].options[0].value == proposed


def test_a_choice_tells_what_decisions_make_of_it() -> None:
    targets = questions(NOTHING, "deploy_target")["deploy_target"]
    reasons = {it.value: it.reason for it in (*targets.options, *targets.more)}
    assert reasons["local"] != reasons["kubernetes"]
    assert reasons["kubernetes"].startswith("for decisions it then counts that ")


def test_what_an_answer_names_is_asked_before_it() -> None:
    names = ("mvp_features", "data_entities", "services", "external_apis", "personas")
    found = questions(NOTHING, *names)
    assert found["mvp_features"].together == ("data_entities", "services")
    assert found["data_entities"].together == ("services",)
    assert found["services"].together == ("data_entities",)
    assert found["personas"].together == ()
    assert next(iter(found)) == "personas"
    answered = questions(BRIEFS["bookshop"], *names)
    assert {it.together for it in answered.values()} == {()}


def test_what_code_rests_on_cannot_be_put_off() -> None:
    found = questions(NOTHING, "services", "constraints")
    assert not any(it.value.startswith("defer") for it in found["services"].options)
    assert any(it.value.startswith("defer") for it in found["constraints"].options)
