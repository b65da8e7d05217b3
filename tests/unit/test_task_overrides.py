"""What somebody knows better than the derived plan: taken over, or refused in a line."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundplan import catalogue, generation
from groundplan.plan import Plan
from groundplan.problems import Refused
from groundplan.prompts import Prompts
from projects import REPOSITORY, answers

REAL = catalogue.load(REPOSITORY / "decisions")
BOOKSHOP = answers(REPOSITORY / "examples" / "bookshop.yml")


def plan(overrides: object, **changes: object) -> Plan:
    return generation.build(copy.deepcopy(BOOKSHOP) | changes | {"task_overrides": overrides}, REAL).planning.plan


def task(made: Plan, id: str) -> Any:
    return next(it for it in made.tasks if it.id == id)


def test_a_further_task_is_in_the_phase_of_what_it_needs() -> None:
    made = plan(
        [
            {"id": "T-terms", "title": "The lawyer reads the terms", "hours": 0},
            {"id": "T-labels", "title": "Labels", "service": "orders", "days": 1.5, "needs": ["T-rules-order"]},
            {"id": "T-print", "title": "Print them", "hours": 0, "needs": ["T-labels", "G-2"]},
        ]
    )
    shown = {it.id: (it.phase, it.hours, it.needs) for it in made.tasks}
    assert shown["T-terms"] == (1, 0, ())
    assert shown["T-labels"] == (2, 9, ("G-1", "T-rules-order"))
    assert shown["T-print"] == (3, 0, ("G-2", "T-labels"))
    assert "T-terms" in shown["G-1"][2]
    assert "T-print" in shown["G-3"][2]


def test_a_known_task_takes_another_time_and_needs_more() -> None:
    made = plan([{"id": "T-FR-001", "hours": 2}, {"id": "T-FR-002", "title": "Keep", "needs": ["T-FR-001"]}])
    assert (task(made, "T-FR-001").hours, task(made, "T-FR-001").requirement) == (2, "FR-001")
    assert task(made, "T-FR-002").title == "Keep"
    assert task(made, "T-FR-002").needs == ("G-1", "T-rules-book", "T-FR-001")
    assert task(made, "T-FR-002").hours == task(plan("tbd"), "T-FR-002").hours


def test_an_estimate_is_what_people_spend() -> None:
    made = plan([{"id": "T-FR-001", "hours": 2}], estimate_basis="agent_hours_with_review")
    assert (task(made, "T-FR-001").agent, task(made, "T-FR-001").hours) == (3, 2)


def test_where_nobody_estimates_a_task_is_a_step() -> None:
    made = plan([{"id": "T-FR-001", "hours": 90}, "T-terms: Read them"], estimate_basis="order_only")
    assert {it.hours for it in made.tasks} == {0, 1}
    assert task(made, "T-terms").hours == 1


A: dict[str, object] = {"id": "T-a", "title": "A", "hours": 1}
B: dict[str, object] = {"id": "T-b", "title": "B", "hours": 1}

WRONG: dict[str, tuple[object, str, str]] = {
    "a cycle": ([A | {"needs": ["T-b"]}, B | {"needs": ["T-a"]}], "needs T-b", "take one of these needs away"),
    "itself": ([A | {"needs": ["T-a"]}], "T-a needs T-a", "take one of these needs away"),
    "back through a gate": (
        [{"id": "T-FR-001", "needs": ["T-FR-003"]}],
        "G-2 needs T-FR-001 needs T-FR-003 needs T-orders-without-catalog needs G-2",
        "a gate needs every task of its phase",
    ),
    "an unknown need": (
        [A | {"needs": ["T-rules-bok"]}],
        "'T-rules-bok', which is not a task",
        "T-rules-book",
    ),
    "an unknown service": ([A | {"service": "order"}], "is not a service", "did you mean 'orders'"),
    "no such task": ([{"id": "T-FR-009", "hours": 3}], "'T-FR-009' is not a task of the plan", "give it a title"),
    "no estimate": (["T-a: A"], "'T-a' has no estimate", "hours: 0 if others do it"),
    "a long cycle": (
        [{"id": f"T-{n}", "title": "A", "hours": 1, "needs": [f"T-{(n + 1) % 500}"]} for n in range(500)],
        " needs T-",
        "take one of these needs away",
    ),
    "a gate": ([{"id": "G-1", "title": "Ship it"}], "G-1 is a gate", "T-G-1"),
    "no id": ([A | {"id": "Read; terms"}], "'Read; terms' is not an id of a task", "write T-"),
    "hours and days": ([A | {"days": 1}], "has hours and days", "keep one"),
    "negative hours": ([A | {"hours": -1}], "-1 is not a whole number", "from 0 to 10000"),
    "negative days": ([{"id": "T-a", "title": "A", "days": -0.5}], "-0.5 is out of range", "above 0"),
    "parts of hours": ([A | {"hours": 1.5}], "1.5 is not a whole number", "from 0 to 10000"),
    "twice": ([A, A], "'T-a' is there twice", "remove one"),
    "an unknown key": ([A | {"hrs": 1}], "has the unknown key 'hrs'", "hours"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_reported_in_a_line(case: str) -> None:
    given, message, fix = WRONG[case]
    with pytest.raises(Refused) as refused:
        plan(given)
    (problem,) = refused.value.problems
    assert problem.question == "task_overrides"
    assert message in problem.message
    assert fix in problem.fix
    assert len(str(problem).splitlines()) == 1
    assert len(str(problem)) < 400


@pytest.mark.parametrize("case", WRONG)
def test_who_types_it_sees_the_fault_at_once(case: str) -> None:
    given, _, fix = WRONG[case]
    typed = Prompts(REAL, copy.deepcopy(BOOKSHOP) | {"task_overrides": given}, False)
    assert fix in typed.answer_error("task_overrides")
    assert Prompts(REAL, BOOKSHOP, False).answer_error("task_overrides") == ""


ids = st.sampled_from(["T-a", "T-b", "T-c", "T-FR-001", "T-FR-003", "T-rules-book", "T-accept", "G-1", "G-3", "nobody"])
entries = st.fixed_dictionaries(
    {"id": ids},
    optional={
        "title": st.sampled_from(["A", "=1+1"]),
        "hours": st.integers(-1, 40),
        "needs": st.lists(ids, max_size=3),
        "service": st.sampled_from(["orders", "nobody"]),
    },
)


@given(st.lists(entries, min_size=1, max_size=4))
def test_whatever_is_answered_makes_a_plan_or_is_refused(overrides: list[dict[str, Any]]) -> None:
    try:
        made = plan(overrides)
    except Refused as refused:
        questions = {it.question for it in refused.problems}
    else:
        questions = {"task_overrides"}
        assert {it["id"] for it in overrides} <= {it.id for it in made.tasks}
        assert all(set(it.get("needs", ())) <= set(task(made, it["id"]).needs) for it in overrides)
    assert questions == {"task_overrides"}


@pytest.mark.parametrize(
    ("written", "days"),
    [
        (["2027-01-20"], ["2027-01-20"]),
        ({"2027-01-21": "New floor", "2027-01-20": None}, ["2027-01-20", "2027-01-21"]),
        ([{"day": "2027-01-20", "why": "Counting"}], ["2027-01-20"]),
        ("not needed: nobody is away", []),
    ],
)
def test_days_off_are_read_in_every_form(written: object, days: list[str]) -> None:
    assert [it.isoformat() for it in plan("tbd", non_working_days=written).off] == days


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match=r"non_working_days\[0\]: '2027-02-30' is not a day"):
        plan("tbd", non_working_days=["2027-02-30"])
