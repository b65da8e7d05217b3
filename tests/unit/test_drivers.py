"""Each driver holds for the answers that it is about, says so, and holds for nobody who answered nothing."""

from __future__ import annotations

import pytest

from groundplan import drivers
from groundplan.answers import Answers
from groundplan.domain import Product
from groundplan.questionnaire import REQUIREMENTS
from groundplan.reading import read

NAMED = {"project_name": "Shop", "concept": "A shop."}

TWO = {
    "services": [
        {"name": "stock", "responsibility": "keeps things"},
        {"name": "sales", "responsibility": "sells things", "depends_on": ["stock"]},
    ],
    "data_entities": ["stock.Thing(label: str)", "sales.Sale(thing: Thing, note: str)"],
}

HEARD = {
    "services": [
        {"name": "sales", "responsibility": "sells", "publishes": ["sale.made on create Sale"]},
        {"name": "post", "responsibility": "writes", "subscribes": ["on sale.made: create Letter(text: note)"]},
        {"name": "desk", "responsibility": "answers"},
    ],
    "data_entities": ["sales.Sale(note: str)", "post.Letter(text: str)"],
}

LED = TWO | {
    "data_entities": ["stock.Thing(label: str)", "sales.Sale(note: str)"],
    "workflows": ["sale on create Sale: Thing(label: note); done: note = sold; undone: note = off"],
}

HOLDING: list[tuple[str, dict[str, object], str]] = [
    ("personal", {"distribution": "personal"}, "distribution is personal"),
    ("public", {"distribution": "public"}, "distribution is public"),
    ("many_writers", {"distribution": "partner", **TWO}, "distribution is partner and stock and sales take writes"),
    ("several_tenants", {"tenants": "Clinic"}, "tenants keeps the records of each Clinic from the others"),
    ("solo", {"team": {"size": 1}}, "team.size is 1"),
    ("several_people", {"team": {"size": 3}}, "team.size is 3"),
    ("big_team", {"team": {"size": 8}}, "team.size is 8"),
    ("one_service", {"services": [{"stock": "keeps things"}]}, "services has stock only"),
    ("many_services", HEARD, "services has 3 of them"),
    ("events", HEARD, "services subscribe to sale.made"),
    ("announced", HEARD, "services publish sale.made"),
    ("workflows", LED, "workflows has sale"),
    ("no_workflows", TWO, "workflows has none"),
    ("no_events", TWO, "services subscribe to nothing"),
    ("calls", TWO, "depends_on is given for sales"),
    ("no_calls", HEARD, "no service calls another"),
    ("no_lookups", HEARD, "data_entities refers to nothing that services ask each other for"),
    ("jobs", {**TWO, "jobs": ["sales: count daily at 02:00"]}, "jobs has count"),
    ("no_jobs", TWO, "jobs names none"),
    ("triggered_jobs", {**TWO, "jobs": ["sales: thank on create Sale"]}, "jobs has thank on changes"),
    ("external", {"external_apis": [{"sms": "sends texts"}]}, "external_apis has sms"),
    ("relations", TWO, "data_entities refers Sale to Thing"),
    ("external", {"external_apis": [*"abcdef"]}, "external_apis has a, b, c and 3 more"),
    ("sensitive", {"data_sensitivity": ["health", "pii"]}, "data_sensitivity has pii and health"),
    ("sensitive", {"data_sensitivity": ["children"]}, "data_sensitivity has children"),
    ("money", {"data_sensitivity": ["financial"]}, "data_sensitivity has financial"),
    ("api_clients", {"interaction_channels": ["api"]}, "interaction_channels has api"),
    ("web_clients", {"interaction_channels": ["api", "web_ui"]}, "interaction_channels has web_ui"),
    ("local", {"deploy_target": "local"}, "deploy_target is local"),
    ("own_machine", {"deploy_target": "on_prem"}, "deploy_target is on_prem"),
    ("kubernetes", {"deploy_target": "kubernetes"}, "deploy_target is kubernetes"),
    ("passing_disk", {"deploy_target": "paas"}, "deploy_target is paas"),
    ("serverless", {"deploy_target": "serverless"}, "deploy_target is serverless"),
    (
        "heavy_load",
        {"performance_targets": [{"what": "Reads", "target": 95, "unit": "ms", "load": "250 requests a second"}]},
        "performance_targets asks for 250 requests a second",
    ),
    ("heavy_load", {"scale_expectations": {"peak_rps": 120}}, "scale_expectations asks for 120 requests a second"),
    ("several_instances", {"scale_expectations": {"instances": 3}}, "scale_expectations.instances is 3"),
    ("objectives", {"slos": ["Orders answered: 99.5 percent"]}, "slos promises Orders answered"),
    (
        "watched",
        {"monitoring_requirements": [{"signal": "A service is down", "threshold": "5 min", "notify": "on call"}]},
        "monitoring_requirements tells on call",
    ),
]


def held(answers: dict[str, object]) -> dict[str, str]:
    """The drivers that hold, with their reasons."""
    complete = NAMED | answers
    return {it.name: it.because for it in drivers.holding(Answers(complete), read(complete))}


def test_every_driver_is_tried() -> None:
    assert list(dict.fromkeys(name for name, _, _ in HOLDING)) == list(drivers.RULES)


@pytest.mark.parametrize(("name", "answers", "because"), HOLDING, ids=[name for name, _, _ in HOLDING])
def test_holds_and_names_the_answers(name: str, answers: dict[str, object], because: str) -> None:
    assert held(answers)[name] == because


def test_only_the_services_are_known_of_a_project_that_answers_nothing() -> None:
    assert set(held({})) == {"one_service", "no_calls", "no_jobs"}


@pytest.mark.parametrize(
    "target",
    [
        {"what": "Reads", "target": 150, "unit": "ms", "load": "20 requests a second"},
        {"what": "Reads", "target": 250, "unit": "ms"},
        {"what": "Reads", "metric": "requests", "target": 99, "unit": "rps"},
    ],
)
def test_a_light_load_is_not_heavy(target: dict[str, object]) -> None:
    assert "heavy_load" not in held({"performance_targets": [target]})


@pytest.mark.parametrize("unit", ["rps", "req/s", "requests/s", "requests per second", "requests a second"])
def test_a_load_is_read_in_every_usual_unit(unit: str) -> None:
    target = {"what": "Reads", "metric": "throughput", "target": 100, "unit": unit}
    assert held({"performance_targets": [target]})["heavy_load"].endswith("asks for 100 requests a second")


def test_every_driver_has_a_meaning() -> None:
    assert drivers.meaning("kubernetes") == "a cluster starts and moves instances at will"
    assert all(drivers.meaning(name) for name in drivers.RULES)


def test_odd_answers_hold_nothing() -> None:
    odd = Answers({"distribution": 3, "team": "many", "data_sensitivity": {"a": 1}, "deploy_target": ["local"]})
    assert drivers.holding(odd, Product("Shop", "shop", "A shop.", services=())) == ()


@pytest.mark.parametrize(("name", "answers", "because"), HOLDING, ids=[name for name, _, _ in HOLDING])
def test_needs_no_answers_but_those_that_it_says_it_rests_on(
    name: str, answers: dict[str, object], because: str
) -> None:
    shape = ("services", "data_entities")  # without which what is left could not be read
    assert (
        held({it: answer for it, answer in answers.items() if it in (*drivers.RESTS_ON[name], *shape)})[name] == because
    )
    assert set(drivers.RESTS_ON[name]) <= {*REQUIREMENTS, "jobs", "tenants", "workflows"}


def test_a_workflow_is_news_between_services() -> None:
    assert {"no_events", "no_workflows"} & set(held(LED)) == set()
