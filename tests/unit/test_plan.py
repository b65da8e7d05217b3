"""The plan's arithmetic, against plain definitions: who needs whom, who is busy, which days count."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundplan.domain import Criterion, Dependency, Entity, ExternalApi, Feature, Product, Service
from groundplan.plan import Plan, Team, Timeline, earliest_finish, in_order, latest_finish, level, working_day
from groundplan.plan import working_days as count_working_days
from groundplan.tasks import PHASES, RATES, Named, Scope, Task, derive

CATALOG = Service("catalog", "keeps books", entities=(Entity("Book", "catalog", ()),))
ORDERS = Service(
    "orders", "takes orders", depends_on=(Dependency("catalog"),), entities=(Entity("Order", "orders", ()),)
)
BROWSE = Feature("FR-001", "Browse", services=("catalog",), criteria=(Criterion("FR-001-AC1", "..."),))
BUY = Feature("FR-002", "Buy", services=("orders", "catalog"), criteria=(Criterion("FR-002-AC1", "..."),))
EXTRA = Feature("FR-003", "Sort", priority="P3", services=("catalog",))
SHOP = Product("Shop", "shop", "A shop.", (CATALOG, ORDERS), features=(BROWSE, BUY, EXTRA))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Task, ...]:
    """Tasks of which each may need some that come before it, in any order."""
    tasks: list[Task] = []
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.sets(st.sampled_from([task.id for task in tasks]))) if tasks else set()
        tasks.append(Task(f"T-{number}", "", 1, draw(st.integers(0, 9)), needs=tuple(sorted(needs))))
    return tuple(draw(st.permutations(tasks)))


def longest(tasks: tuple[Task, ...], id: str) -> int:
    """The longest chain of hours that ends with a task, by trying all of them."""
    task = next(task for task in tasks if task.id == id)
    return task.hours + max((longest(tasks, need) for need in task.needs), default=0)


@given(graphs())
def test_a_task_ends_after_its_longest_chain(tasks: tuple[Task, ...]) -> None:
    assert earliest_finish(tasks) == {task.id: longest(tasks, task.id) for task in in_order(tasks)}


@given(graphs())
def test_what_has_no_slack_cannot_be_late_by_an_hour(tasks: tuple[Task, ...]) -> None:
    early = earliest_finish(tasks)
    end = max(early.values())
    late = latest_finish(tasks, end)
    for task in tasks:
        slower = tuple(replace(it, hours=it.hours + 1) if it.id == task.id else it for it in tasks)
        delays = max(earliest_finish(slower).values()) > end
        assert delays == (late[task.id] == early[task.id])


@given(graphs(), st.integers(1, 4))
def test_levelled_tasks_wait_for_needs_and_people(tasks: tuple[Task, ...], people: int) -> None:
    start = level(tasks, people)
    finish = {task.id: start[task.id] + task.hours for task in tasks}
    for task in tasks:
        assert all(finish[need] <= start[task.id] for need in task.needs)
    for hour in range(max(finish.values())):
        assert sum(start[task.id] <= hour < finish[task.id] for task in tasks) <= people


@given(graphs())
def test_one_person_never_idles_and_many_need_the_critical_path(tasks: tuple[Task, ...]) -> None:
    alone, crowd = Plan(tasks, SHOP), Plan(tasks, SHOP, Team(size=len(tasks)))
    assert alone.levelled_hours == alone.work_hours
    assert crowd.levelled_hours == crowd.path_hours
    assert sum(task.hours for task in crowd.critical_path) == crowd.path_hours


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ((Task("a", "", 1, 1, needs=("b",)), Task("b", "", 1, 1, needs=("a",))), "need each other: a, b"),
        ((Task("a", "", 1, 1, needs=("c",)),), "a needs c, which is no task"),
    ],
)
def test_tasks_that_cannot_be_ordered_are_named(tasks: tuple[Task, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        in_order(tasks)


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 60), st.integers(1, 7))
def test_working_days_are_the_first_days_of_each_week(start: date, number: int, per_week: int) -> None:
    days = (start + timedelta(days=it) for it in range(600))
    expected = [day for day in days if day.weekday() < per_week]
    assert working_day(start, number, per_week) == expected[number]
    assert count_working_days(start, expected[number], per_week) == number + 1


def plan_of(scope: Scope, team: Team = Team(), timeline: Timeline = Timeline()) -> Plan:  # noqa: B008 - immutable
    return Plan(derive(scope), scope.product, team, timeline)


def test_every_answer_that_means_work_is_a_task() -> None:
    api = ExternalApi("sms", used_by=("orders",))
    scope = Scope(
        replace(SHOP, external_apis=(api,)),
        blockers=(Named("A07-FR-003", "no criterion"),),
        targets=(Named("NFR-01", "listing"),),
        sensitive=True,
        backup=True,
        place="vm",
    )
    ids = {task.id for task in derive(scope)}
    assert ids >= {
        "T-A07-FR-003",
        "T-spike-sms",
        "T-client-sms",
        "T-rules-book",
        "T-FR-001",
        "T-FR-002",
        "T-orders-without-catalog",
        "T-NFR-01",
        "T-privacy",
        "T-restore",
        "T-deploy",
        "T-accept",
    }


def test_a_phase_begins_after_all_of_the_one_before() -> None:
    phases = plan_of(Scope(SHOP), Team(size=3)).phases
    assert [phase.name for phase in phases] == list(PHASES)
    for before, after in pairwise(phases):
        assert max(slot.finish for slot in before.slots) <= min(slot.start for slot in after.slots)


def test_a_feature_of_several_services_is_integration_and_costs_more() -> None:
    tasks = {task.id: task for task in derive(Scope(SHOP))}
    assert (tasks["T-FR-001"].phase, tasks["T-FR-002"].phase) == (2, 3)
    assert tasks["T-FR-002"].hours - tasks["T-FR-001"].hours == RATES["crossing"].hours


def test_a_plan_that_fits_says_so_and_cuts_nothing() -> None:
    plan = plan_of(Scope(SHOP), timeline=Timeline(weeks=20))
    assert (plan.available_days, plan.over_days, plan.cuts) == (100, 0, ())
    assert plan.verdict.endswith("It fits.")


def test_a_plan_that_does_not_fit_names_what_to_cut_the_least_important_first() -> None:
    plan = plan_of(Scope(SHOP), timeline=Timeline(weeks=1))
    assert plan.over_days == pytest.approx(plan.total_days - 5)
    assert plan.cuts[0].id == "T-FR-003"
    assert "over" in plan.verdict


def test_without_a_timeline_nothing_is_over() -> None:
    plan = plan_of(Scope(SHOP))
    assert plan.available_days is None
    assert "no timeline" in plan.verdict


def test_hours_become_days_of_the_team_and_the_buffer_is_on_top() -> None:
    plan = Plan((Task("T-a", "", 1, 24),), SHOP, Team(hours_per_day=4), buffer_percent=50)
    assert (plan.days(24), plan.buffer_days, plan.total_days) == (6, 3, 9)


def test_a_deadline_counts_its_own_day() -> None:
    plan = plan_of(Scope(SHOP), timeline=Timeline(start=date(2027, 1, 4), deadline=date(2027, 1, 8)))
    assert plan.available_days == 5
