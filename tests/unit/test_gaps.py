"""Gap rules: each defect planted in clean answers is found by the rule that is meant, and clean answers have no gap."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from groundplan import catalogue, project
from groundplan.gaps import REQUIREMENTS, RULES, Gap
from groundplan.planning import Planning
from projects import EXAMPLES, REPOSITORY, answers

Answers = dict[str, Any]
Defect = Callable[[Answers], object]

REAL = catalogue.load(REPOSITORY / "decisions")
CLEAN: Answers = answers(REPOSITORY / "examples" / "bookshop.yml")


def planning(given: Answers) -> Planning:
    return project.build(given, REAL).planning


def gaps(given: Answers) -> tuple[Gap, ...]:
    return planning(given).gaps


def put(name: str, value: object) -> Defect:
    return lambda given: given.update({name: value})


def add(name: str, *items: object) -> Defect:
    return lambda given: given.update({name: [*given[name], *items]})


def feature(**changes: object) -> Defect:
    """Change the first feature."""
    return lambda given: given["mvp_features"][0].update(changes)


def chain(given: Answers) -> None:
    """A public service that waits for four others."""
    names = ["a", "b", "c", "d", "e"]
    given["services"] = [
        {"name": name, "responsibility": f"does the {name * 4} work", "depends_on": names[n + 1 : n + 2]}
        for n, name in enumerate(names)
    ]
    given["data_entities"] = [f"{name}.{name.upper() * 2}(note: str)" for name in names]
    for it in given["mvp_features"]:
        it["services"] = ["a"]


def proposed_once(given: Answers) -> None:
    """A style that was proposed and recorded before the answers spoke for another one."""
    given["architecture_style"] = "auto"
    given["history"] = {
        "trail": ["0001|architecture_style=modular_monolith|auto||"],
        "offsets": {},
        "ids": {},
        "schema": {},
    }


SMS = {"name": "sms", "purpose": "sends texts", "used_by": ["notifications"], "timeout_s": 5}

DEFECTS: dict[str, tuple[Defect, str]] = {
    "A01": (put("external_apis", "tbd"), "external_apis"),
    "A02": (put("glossary", "tbd"), "glossary"),
    "A03": (put("external_apis", "not needed"), "external_apis"),
    "A04": (put("backup_recovery", "defer: after the first week"), "backup_recovery"),
    "A05": (put("deploy_target", "assume: vm"), "deploy_target"),
    "A06": (feature(persona="Auditor"), "FR-001"),
    "A07": (feature(acceptance=[]), "FR-001"),
    "A08": (feature(acceptance=["works well", "IF it fails THEN it SHALL say so"]), "FR-001-AC1"),
    "A09": (feature(acceptance=["WHEN asked THE SYSTEM SHALL list the books"]), "FR-001"),
    "A10": (add("success_metrics", {"name": "Happy readers", "target": "all of them"}), "SM-3"),
    "A11": (add("success_metrics", {"name": "Parcels", "target": 30, "unit": "a week"}), "SM-3"),
    "A13": (add("out_of_scope", "Order books: by telephone only"), "FR-003"),
    "A14": (feature(outcome="a fast and easy list"), "FR-001"),
    "A15": (put("timeline", {"start": "2027-02-01", "deadline": "2027-01-01"}), "deadline"),
    "A16": (put("acceptable_thresholds", [{"what": "Flying", "acceptable": 3}]), "acceptable_thresholds-flying"),
    "A17": (
        lambda given: given.update(data_sensitivity=["pii", "health"], privacy_obligations=["pii: contract"]),
        "health",
    ),
    "A19": (put("slos", [{"sli": "Orders answered", "objective": 99, "service": "paymets"}]), "slos-orders-answered"),
    "A18": (put("open_ambiguities", ["May an order be changed"]), "1"),
    "B01": (lambda given: given["services"].append({"name": "extra"}), "extra"),
    "B04": (feature(services=[]), "FR-001"),
    "B05": (lambda given: given["services"].append({"name": "extra", "responsibility": "counts visits"}), "extra"),
    "B08": (chain, "a"),
    "B09": (
        lambda given: (
            given.update(team={"size": 1})
            or given["services"].append({"name": "extra", "responsibility": "counts visits"})
        ),
        "services",
    ),
    "B10": (
        lambda given: given["services"].append(
            {"name": "extra", "responsibility": "writes to all readers about their orders"}
        ),
        "notifications-extra",
    ),
    "C04": (put("external_apis", [SMS | {"timeout_s": None}]), "sms"),
    "C05": (put("external_apis", [SMS | {"critical": True}]), "sms"),
    "C06": (put("external_apis", [SMS | {"used_by": []}]), "sms"),
    "C07": (put("auto_retry", "none"), "retry_strategy"),
    "C08": (lambda given: given["services"][1]["publishes"].append("order.changed on update Order"), "order.changed"),
    "C11": (put("failure_handling", "not needed: nothing fails"), "orders-catalog"),
    "D05": (put("data_sensitivity", "tbd"), "data_sensitivity"),
    "D08": (add("performance_targets", {"what": "Start", "metric": "time", "target": 3, "unit": "s"}), "NFR-03"),
    "D11": (put("backup_recovery", {"method": "a nightly copy"}), "rpo"),
    "D12": (put("decision_overrides", {}), "storage_kind"),
    "D13": (put("storage_kind", "auto"), "storage_kind"),
    "D14": (proposed_once, "architecture_style"),
    "D15": (put("decision_overrides", {"storage_kind": {"why": "it is good"}}), "storage_kind"),
    "P01": (put("timeline", {"weeks": 1}), "timeline"),
    "P02": (
        lambda given: given.update(timeline={"weeks": 3}, team={"size": 1, "hours_per_day": 6, "days_per_week": 5}),
        "team",
    ),
    "P03": (put("decision_makers", "tbd"), "gates"),
    "P04": (add("risks", {"risk": "The provider ends", "impact": "high"}), "RISK-3"),
}
"""For each rule a defect, and what the rule then speaks of."""


def test_every_rule_has_a_planted_defect() -> None:
    assert set(DEFECTS) == set(RULES)


@pytest.mark.parametrize("rule", DEFECTS)
def test_a_planted_defect_is_found(rule: str) -> None:
    defect, subject = DEFECTS[rule]
    given = copy.deepcopy(CLEAN)
    defect(given)
    found = [gap for gap in gaps(given) if gap.rule == rule]
    assert subject in [gap.subject for gap in found], found
    assert all(gap.message and gap.fix and gap.question for gap in found)


def test_clean_answers_have_no_gap() -> None:
    assert gaps(CLEAN) == ()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_have_nothing_to_resolve_before_coding(example: Path) -> None:
    assert [gap for gap in gaps(answers(example)) if gap.must] == []


def test_the_least_that_can_be_answered_has_a_gap_for_the_rest() -> None:
    found = gaps({"project_name": "Shop", "concept": "A shop.", "services": ["shop: sells"]})
    open_questions = {gap.question for gap in found if gap.rule in ("A01", "A02")}
    assert open_questions == set(REQUIREMENTS) - {"concept", "services"}


def test_an_open_question_belongs_to_the_checkpoint_of_its_phase() -> None:
    found = gaps({"project_name": "Shop", "concept": "tbd", "services": "tbd"})
    checkpoints = {gap.question: gap.checkpoint for gap in found if gap.rule in ("A01", "A02")}
    assert [checkpoints[name] for name in ("concept", "mvp_features", "services", "risks")] == [1, 2, 3, 9]


def test_what_must_be_resolved_is_work_in_the_plan() -> None:
    given = copy.deepcopy(CLEAN)
    given["mvp_features"][0]["acceptance"] = []
    assert "T-A07-FR-001" in [task.id for task in planning(given).plan.tasks]


def test_ids_of_gaps_are_unique_and_stay_when_others_come() -> None:
    one = copy.deepcopy(CLEAN)
    one["mvp_features"][4]["acceptance"] = []
    both = copy.deepcopy(one)
    both["mvp_features"][0]["acceptance"] = []
    first, second = [[gap.id for gap in gaps(given)] for given in (one, both)]
    assert set(first) < set(second)
    assert len(set(second)) == len(second)
