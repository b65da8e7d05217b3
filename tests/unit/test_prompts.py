"""Prompts show what the answers so far speak for, and refuse what could not be generated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from groundplan import catalogue, generation
from groundplan.prompts import EMPTY_LIST_ADVICE, WIDTH, Prompts, literal
from groundplan.questionnaire import QUESTIONS, Question

CATALOGUE = catalogue.load(Path(__file__).parents[2] / "decisions")
NAME = {"project_name": "Shop"}


def asking(**given: Any) -> Prompts:
    return Prompts(CATALOGUE, NAME | given, validated=False)


def choices(text: str) -> dict[str, Any]:
    """Choices by label, as Copier reads them: YAML first, then each text as a template."""
    render = jinja2.Environment().from_string
    return {
        render(label).render(): render(value).render() if isinstance(value, str) else value
        for label, value in yaml.safe_load(text)
    }


class TestFault:
    @pytest.mark.parametrize("name", [it.name for it in QUESTIONS if it.about and (it.items or it.table)])
    @pytest.mark.parametrize("empty", [[], {}, [None]])
    def test_an_empty_list_is_asked_what_it_means(self, name: str, empty: object) -> None:
        assert asking(**{name: empty}).answer_error(name) == EMPTY_LIST_ADVICE

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("team", {"size": 0}, "write a number from 1 to 1000 (team.size: 0 is not a whole number"),
            ("timeline", {"wekks": 3}, "did you mean 'weeks'?"),
            ("personas", [{"goal": "reads"}], "give it one: {name: ...} (personas[0]: has no name)"),
            ("project_slug", "9 lives", "set project_slug, e.g. 'lives'"),
            ("port_base", 80, "80 is not a whole number from 1024 to 65000"),
            ("decision_overrides", {"storage": {"why": "x"}}, "did you mean 'storage_kind'?"),
            ("concept", "a\x00b", "holds the invisible character U+0000"),
            ("data_entities", ["catalog.Book(title: strr)"], "did you mean 'str'?"),
        ],
    )
    def test_tells_the_fault_with_its_fix(self, name: str, value: object, message: str) -> None:
        assert message in asking(**{name: value}).answer_error(name)

    def test_misses_no_service_before_services_are_asked_for(self) -> None:
        features = [{"name": "Search", "services": ["catalog"]}]
        assert asking(mvp_features=features).answer_error("mvp_features") == ""
        message = asking(mvp_features=features, services=["orders: takes orders"]).answer_error("services")
        assert message.startswith("add 'catalog' to services, or name one of orders (mvp_features[0].services[0]: ")
        assert asking(mvp_features=features, services=["catalog: keeps books"]).answer_error("services") == ""

    def test_takes_no_name_that_needs_the_setting_of_an_option(self) -> None:
        message = asking(external_apis=["metrics: counts"]).answer_error("external_apis")
        assert message.startswith(
            "call it 'metrics_api' and say more in purpose (external_apis[0]: 'metrics' needs the"
        )

    def test_is_silent_about_other_answers(self) -> None:
        assert asking(team={"size": 0}, personas=["reader: reads"]).answer_error("personas") == ""


class TestStates:
    def test_can_be_chosen_in_addition_to_the_values(self) -> None:
        offered = choices(asking().choices["distribution"])
        assert list(offered.values()) == [
            "personal",
            "internal",
            "partner",
            "public",
            "tbd",
            "not needed",
            "defer",
            "assume",
        ]

    @pytest.mark.parametrize(
        "state_text", ['defer: it\'s {{ 7 * 7 }} {% if x %} "soon" \\, the owner 🙂', "assume: public"]
    )
    def test_stay_choices_as_a_data_file_gave_them(self, state_text: str) -> None:
        offered = choices(asking(distribution=state_text).choices["distribution"])
        assert offered[state_text] == state_text

    def test_are_not_invented_from_a_wrong_word(self) -> None:
        assert "publik" not in choices(asking(distribution="publik").choices["distribution"])

    @pytest.mark.parametrize(
        ("state", "question"),
        [
            ("not needed", "Why"),
            ("defer", "What brings it up"),
            ("assume", "personal, internal, partner or public"),
        ],
    )
    def test_ask_for_what_belongs_to_them(self, state: str, question: str) -> None:
        for state_text in (state, [state]):
            assert asking(distribution=state_text).has_state["distribution"]
        assert question in asking(distribution=state).state_question["distribution"]
        assert asking(distribution=state, distribution_because=" ").answer_error("distribution_because")

    def test_ask_nothing_about_a_value(self) -> None:
        for state_text in ("public", "tbd", "not needed: one user", None):
            assert not asking(distribution=state_text).has_state["distribution"]

    def test_an_assumption_is_one_of_the_choices(self) -> None:
        given = {"distribution": "assume", "distribution_because": "all"}
        assert asking(**given).answer_error("distribution_because") == "write personal, internal, partner or public"
        assert asking(**given | {"distribution_because": "public"}).answer_error("distribution_because") == ""


class TestDecisions:
    def test_recommend_with_the_answers_that_speak_for_it(self) -> None:
        shown = asking(deploy_target="kubernetes").decisions["storage_kind"].help
        assert "\nTo change it later touches " in shown
        assert shown.endswith("\nRecommended: PostgreSQL (deploy_target is kubernetes).")
        assert max(map(len, shown.splitlines())) <= 76

    def test_recommend_the_simplest_while_nothing_speaks_for_another(self) -> None:
        two = ["stock: keeps things", "sales: sells things"]
        shown = asking(services=two, team={"size": 2}).decisions["storage_kind"].help
        assert "Recommended: SQLite (the simplest, as no" in shown

    def test_contradictions_are_greyed_with_the_words_that_refuse_them(self) -> None:
        offered = choices(asking(deploy_target="serverless").decisions["storage_kind"].choices)
        greyed = {it["value"]: it["validator"] for it in offered.values() if isinstance(it, dict)}
        assert greyed == dict.fromkeys(("sqlite", "files"), literal("deploy_target is serverless"))

    def test_what_was_answered_before_is_never_greyed(self) -> None:
        given = {"deploy_target": "serverless", "storage_kind": "sqlite"}
        offered = choices(asking(**given).decisions["storage_kind"].choices)
        assert "sqlite" in offered.values()

    def test_no_choices_are_made_where_nobody_is_asked(self) -> None:
        quiet = Prompts(CATALOGUE, NAME | {"deploy_target": "serverless"}, validated=True)
        assert quiet.decisions["storage_kind"].choices == quiet.choices["distribution"] == "[]"
        assert "pii" in quiet.choices["data_sensitivity"]  # Copier drops what is not among several choices

    def test_planned_options_are_no_choices(self) -> None:
        for decision in CATALOGUE.decisions:
            values = [
                it["value"] if isinstance(it, dict) else it
                for _, it in json.loads(asking().decisions[decision.id].choices)
            ]
            assert values == ["auto", *(option.name for option in decision.offered), "tbd"]

    def test_are_asked_by_depth_and_group(self) -> None:
        def asked(**given: object) -> set[str]:
            return {id for id, prompt in asking(**given).decisions.items() if prompt.asked}

        assert asked(depth="express", decide_groups=["data"]) == set()
        assert asked(depth="standard", decide_groups=["data"]) == {"consistency", "data_ownership", "storage_kind"}
        assert asked(depth="standard", decide_groups=[]) == set()
        assert asked(depth="comprehensive", decide_groups=[]) == {it.id for it in CATALOGUE.decisions}


def test_a_literal_renders_as_it_is() -> None:
    for text in ("{{ 1 }}", 'it\'s "so"\n', "{% endraw %}", "ä🙂\\u0041"):
        assert jinja2.Environment().from_string(literal(text)).render() == text


def test_no_name_is_made_up() -> None:
    with pytest.raises(KeyError):
        asking().decisions["colour"]
    assert len(asking().decisions) == len(CATALOGUE.decisions)


@pytest.mark.parametrize("question", [it for it in QUESTIONS if it.states], ids=lambda it: it.name)
@pytest.mark.parametrize("state", ["not needed", "defer", "assume"])
def test_what_is_asked_about_a_state_fits_into_80_columns(question: Question, state: str) -> None:
    shown = asking(**{question.name: [state] if question.many else state}).state_question[question.name]
    assert max(map(len, f"{question.number} {shown}".splitlines())) < 84
    assert max(map(len, shown.splitlines())) <= WIDTH


def test_a_greyed_option_fits_into_80_columns() -> None:
    promised = [f"Requests of the kind {number}: 99 percent" for number in range(30)]
    for label, value in choices(asking(slos=promised).decisions["alerting"].choices).items():
        if isinstance(value, dict):
            reason = jinja2.Environment().from_string(value["validator"]).render()
            assert len(f"   - {label} ({reason})") < 80


def test_a_recommendation_can_be_taken() -> None:
    """With what nobody has answered yet counted by its default, and with what `auto` has recorded."""
    three = [{"name": name, "responsibility": f"does {name}"} for name in ("one", "two", "three")]
    for given in ({"services": three}, {"services": three, "architecture_style": "auto"}, {"services": three[:1]}):
        prompts = asking(**given).decisions
        for id, prompt in prompts.items():
            if prompt.prompts.advice.is_idle(prompt.decision):
                assert "Nothing to decide as it stands" in prompt.help
                continue
            best = prompt.prompts.advice.best(prompt.decision)
            built = generation.build(NAME | given | {id: best.name}, CATALOGUE).project
            assert built.decision(id).option is best
