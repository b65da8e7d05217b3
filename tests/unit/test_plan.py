"""The plan's arithmetic, against networkx and plain counts: who needs whom, who is busy, which days count."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundplan import diagrams
from groundplan.domain import (
    Criterion,
    Dependency,
    Entity,
    Event,
    ExternalApi,
    Feature,
    Field,
    Job,
    Outcome,
    Product,
    Reaction,
    Service,
    Step,
    Type,
    Workflow,
)
from groundplan.plan import Calendar, Plan, Team, Timeline, Turn, earliest_finish, latest_finish, level
from groundplan.planning import task_export
from groundplan.reading import read
from groundplan.tasks import AGENT, ORDER, PEOPLE, PHASES, RATES, Named, Scope, Task, derive, gated, in_order, without

CATALOG = Service("catalog", "keeps books", entities=(Entity("Book", "catalog", ()),))
ORDERS = Service(
    "orders", "takes orders", depends_on=(Dependency("catalog"),), entities=(Entity("Order", "orders", ()),)
)
BROWSE = Feature("FR-001", "Browse", services=("catalog",), criteria=(Criterion("FR-001-AC1", "..."),))
BUY = Feature("FR-002", "Buy", services=("orders", "catalog"), criteria=(Criterion("FR-002-AC1", "..."),))
EXTRA = Feature("FR-003", "Sort", priority="P3", services=("catalog",))
SHOP = Product("Shop", "shop", "A shop.", (CATALOG, ORDERS), features=(BROWSE, BUY, EXTRA))

Tasks = tuple[Task, ...]


@st.composite
def graphs(draw: st.DrawFn) -> Tasks:
    """Tasks of which each may need some that come before it, in any order; agents do part of some."""
    tasks: list[Task] = []
    with_agent = draw(st.booleans())
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.sets(st.sampled_from([task.id for task in tasks]))) if tasks else set()
        agent = draw(st.integers(0, 5)) if with_agent else 0
        hours = draw(st.integers(0, 9))
        tasks.append(Task(f"T-{number}", "", 1, hours, needs=tuple(sorted(needs)), agent=agent))
    return tuple(draw(st.permutations(tasks)))


@st.composite
def products(draw: st.DrawFn) -> Product:
    """Any number of services that call earlier ones and hear any, with jobs, workflows, features and foreign APIs."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 5)))]
    some = st.lists(st.sampled_from(names), unique=True, max_size=3).map(tuple)
    services = []
    for number, name in enumerate(names):
        called = draw(st.sets(st.sampled_from(names[:number]))) if number else set()
        fields = tuple(Field(f"f{it}", Type("str")) for it in range(draw(st.integers(0, 14))))
        entities = tuple(Entity(f"E{number}{it}", name, fields) for it in range(draw(st.integers(0, 2))))
        depends_on = tuple(Dependency(it) for it in sorted(called))
        events = tuple(Event(f"{it.snake}.saved", name, it.name, ("create",), ()) for it in entities)
        services.append(Service(name, "works", depends_on=depends_on, entities=entities, events=events))
    services = [draw(busy(it, [event for other in services for event in other.events])) for it in services]
    features = tuple(
        Feature(
            f"FR-{number:03}",
            f"Feature {number}",
            priority=draw(st.sampled_from(["P1", "P2", "P3"])),
            services=draw(some),
            criteria=tuple(Criterion(f"FR-{number:03}-AC{it}", "...") for it in range(draw(st.integers(0, 4)))),
        )
        for number in range(draw(st.integers(0, 6)))
    )
    apis = tuple(ExternalApi(f"api{number}", used_by=draw(some)) for number in range(draw(st.integers(0, 2))))
    keeping = [it for it in services if it.entities]
    leaders = draw(st.lists(st.sampled_from(keeping), unique=True)) if len(keeping) > 1 else []
    workflows = tuple(draw(led(it, keeping)) for it in leaders)
    return Product("Any", "any", "Any.", tuple(services), features=features, external_apis=apis, workflows=workflows)


@st.composite
def busy(draw: st.DrawFn, service: Service, events: list[Event]) -> Service:
    """A service that reacts to some events of others, and does some jobs."""
    foreign = [it for it in events if it.service != service.name]
    if not service.entities or not foreign:
        return service
    made = st.sampled_from([it.name for it in service.entities])
    heard = draw(st.lists(st.sampled_from(foreign), unique=True, max_size=2))
    jobs = tuple(
        Job(f"job{number}", service.name, draw(made), ("create",)) for number in range(draw(st.integers(0, 2)))
    )
    return replace(service, reactions=tuple(Reaction(it.name, draw(made), ()) for it in heard), jobs=jobs)


@st.composite
def led(draw: st.DrawFn, leader: Service, services: list[Service]) -> Workflow:
    """A workflow of a service with a step in one or more of the others."""
    name = f"flow_of_{leader.name}"
    others = [it for it in services if it.name != leader.name]
    chosen = draw(st.lists(st.sampled_from(others), unique=True, min_size=1, max_size=3))
    steps = tuple(Step(name, it.name, it.entities[0].name, ()) for it in chosen)
    outcome = Outcome("f0", "x")
    return Workflow(name, leader.name, leader.entities[0].name, steps, outcome, outcome)


scopes = st.builds(
    Scope,
    products(),
    blockers=st.sampled_from([(), (Named("A07-FR-001", "no criterion", "FR-001"), Named("A01-concept", "no concept"))]),
    risks=st.sampled_from([(), (Named("RISK-1", "it breaks"),)]),
    targets=st.sampled_from([(), (Named("NFR-01", "listing"), Named("NFR-02", "order"))]),
    sensitive=st.booleans(),
    backup=st.booleans(),
    basis=st.sampled_from([PEOPLE, AGENT, ORDER]),
)
teams = st.builds(Team, st.integers(1, 5), st.sampled_from([1, 2.5, 6, 7.3]), st.integers(1, 7))
any_tasks = st.one_of(graphs(), scopes.map(lambda scope: gated(derive(scope))))


def graph(tasks: Tasks) -> nx.DiGraph[str]:
    """The tasks as networkx knows them: how long a task takes is on the edges to those that need it, and to the end."""
    found: nx.DiGraph[str] = nx.DiGraph()
    found.add_nodes_from(task.id for task in tasks)
    length = {task.id: task.length for task in tasks}
    found.add_weighted_edges_from((need, task.id, length[need]) for task in tasks for need in task.needs)
    found.add_weighted_edges_from((task.id, "end", task.length) for task in tasks)
    return found


def longest(found: nx.DiGraph[str], id: str) -> int:
    """The longest way to a task, by networkx."""
    return int(nx.dag_longest_path_length(found.subgraph({id, *nx.ancestors(found, id)})))


@given(any_tasks)
def test_an_order_is_a_topological_one(tasks: Tasks) -> None:
    place = {task.id: number for number, task in enumerate(in_order(tasks))}
    assert len(place) == len(tasks)
    assert nx.is_directed_acyclic_graph(graph(tasks))
    assert all(place[before] < place[after] for before, after in graph(tasks).edges if after != "end")


@given(any_tasks)
def test_a_task_ends_after_its_longest_chain(tasks: Tasks) -> None:
    found = graph(tasks)
    early = earliest_finish(tasks)
    assert {task.id: early[task.id] - task.length for task in tasks} == {it.id: longest(found, it.id) for it in tasks}


@given(any_tasks)
def test_the_critical_path_is_a_longest_one(tasks: Tasks) -> None:
    plan = Plan(tasks, SHOP)
    path = plan.critical_path
    assert plan.path_hours == nx.dag_longest_path_length(graph(tasks)) == sum(task.length for task in path)
    assert all(before.id in after.needs for before, after in pairwise(path))
    slack = {slot.task.id: slot.slack for slot in plan.slots}
    assert {slack[task.id] for task in path} == {0}


@given(any_tasks)
def test_slack_is_what_is_between_earliest_and_latest(tasks: Tasks) -> None:
    """What may still come after a task is the longest way to the end, by networkx."""
    plan, found = Plan(tasks, SHOP), graph(tasks)
    for slot in plan.slots:
        rest = found.subgraph({slot.task.id, *nx.descendants(found, slot.task.id)})
        assert slot.earliest == longest(found, slot.task.id)
        assert slot.latest == plan.path_hours - nx.dag_longest_path_length(rest) + slot.task.length
        assert slot.slack == slot.latest - slot.earliest - slot.task.length >= 0


@given(graphs())
def test_what_has_no_slack_cannot_be_late_by_an_hour(tasks: Tasks) -> None:
    early = earliest_finish(tasks)
    end = max(early.values())
    late = latest_finish(tasks, end)
    for task in tasks:
        slower = tuple(replace(it, hours=it.hours + 1) if it.id == task.id else it for it in tasks)
        delays = max(earliest_finish(slower).values()) > end
        assert delays == (late[task.id] == early[task.id])


@given(any_tasks, st.integers(1, 4))
def test_levelled_tasks_wait_for_needs_and_people(tasks: Tasks, people: int) -> None:
    turns = level(tasks, people)
    for task in tasks:
        turn = turns[task.id]
        assert all(turns[need].finish <= turn.start for need in task.needs)
        assert turn.finish - turn.start >= task.length
        assert turn.person in (range(1, people + 1) if task.hours else (0,))
    for hour in range(max(turn.finish for turn in turns.values())):
        busy = Counter(turns[it.id].person for it in tasks if 0 <= turns[it.id].finish - 1 - hour < it.hours)
        assert sum(busy.values()) <= people
        assert set(busy.values()) <= {1}


@given(any_tasks, st.integers(1, 4))
def test_levelling_keeps_its_bounds(tasks: Tasks, people: int) -> None:
    """No shorter than the critical path or the people's work, no longer than one thing after the other."""
    plan = Plan(tasks, SHOP, Team(size=people))
    assert plan.path_hours <= plan.levelled_hours <= plan.work_hours
    assert plan.people_hours <= plan.levelled_hours * people


@given(any_tasks)
def test_one_person_never_idles_and_many_need_the_critical_path(tasks: Tasks) -> None:
    alone, crowd = Plan(tasks, SHOP), Plan(tasks, SHOP, Team(size=len(tasks)))
    assert crowd.levelled_hours == crowd.path_hours
    if not any(task.agent for task in tasks):
        assert alone.levelled_hours == alone.people_hours


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ((Task("a", "", 1, 1, needs=("b",)), Task("b", "", 1, 1, needs=("a",))), "a needs b needs a|b needs a needs b"),
        ((Task("a", "", 1, 1, needs=("c",)),), "a needs c, which is not a task"),
    ],
)
def test_tasks_that_cannot_be_ordered_are_named(tasks: Tasks, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        in_order(tasks)


@given(graphs(), st.data())
def test_what_is_left_keeps_its_order(tasks: Tasks, data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.sampled_from([task.id for task in tasks])))
    closure = nx.transitive_closure_dag(graph(tasks))
    left = without(tasks, gone)
    expected = {(a, b) for a, b in closure.edges if not {a, b} & (gone | {"end"})}
    kept = nx.transitive_closure_dag(graph(left))
    assert {(a, b) for a, b in kept.edges if b != "end"} == expected


days = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@given(days, st.integers(0, 40), st.integers(1, 7), st.sets(st.integers(-5, 70), min_size=5, max_size=40))
def test_working_days_are_those_of_a_count_day_by_day(start: date, number: int, per_week: int, near: set[int]) -> None:
    off = [start + timedelta(days=it) for it in sorted(near)]
    week = Calendar(per_week, tuple(off))
    dates = (start + timedelta(days=it) for it in range(1200))
    working = [day for day in dates if day.weekday() < per_week and day not in off]
    assert week.working_day(start, number) == working[number]
    for end in (start - timedelta(days=1), start, working[number], start + timedelta(days=number)):
        assert week.working_days(start, end) == sum(day <= end for day in working)


def test_days_without_end_are_the_last_one() -> None:
    assert Calendar(5, (date.max,)).working_day(date.max, 10) == date.max
    assert Calendar(1).working_day(date(2027, 1, 4), 10**9) == date.max


def plan_of(scope: Scope, team: Team = Team(), timeline: Timeline = Timeline()) -> Plan:  # noqa: B008 - immutable
    return Plan(gated(derive(scope)), scope.product, team, timeline, basis=scope.basis)


def with_time_for(plan: Plan, percent: int) -> Plan:
    """The plan with as much time as it takes without features, and so much of what they take."""
    least = plan.left_without(plan.product.features).total_days
    available = least + (plan.total_days - least) * percent / 100
    return replace(plan, timeline=Timeline(weeks=max(0.1, available) / plan.team.days_per_week))


@given(scopes, teams, st.integers(-5, 105), st.integers(0, 50))
def test_cuts_are_ordered_and_no_more_than_needed(scope: Scope, team: Team, percent: int, buffer: int) -> None:
    plan = with_time_for(replace(plan_of(scope, team), buffer_percent=buffer), percent)
    cut, features = [it.feature for it in plan.cuts], plan.product.features
    if not cut:
        assert not plan.over_days or plan.left_without(features).over_days
        return
    rank = [(it.priority, features.index(it)) for it in cut]
    assert plan.over_days
    assert rank == sorted(rank, reverse=True)
    assert not plan.left_without(cut).over_days
    assert all(plan.left_without([it for it in cut if it != kept]).over_days for kept in cut)
    lesser = [it for it in features if it.priority > cut[-1].priority]
    assert plan.left_without(lesser).over_days, "all that matters less would have been enough"
    assert [it.total_days for it in plan.cuts] == [plan.left_without(cut[: n + 1]).total_days for n in range(len(cut))]


def left_out(scope: Scope, gone: list[Feature]) -> Scope:
    """What the plan would be made from if features had never been asked for."""
    features = tuple(it for it in scope.product.features if it not in gone)
    blockers = tuple(it for it in scope.blockers if it.feature not in {feature.id for feature in gone})
    return replace(scope, product=replace(scope.product, features=features), blockers=blockers)


@given(scopes, teams, st.data())
def test_what_is_left_without_features_is_the_plan_of_answers_without_them(
    scope: Scope, team: Team, data: st.DataObject
) -> None:
    features = scope.product.features
    gone = data.draw(st.lists(st.sampled_from(features), unique=True)) if features else []
    left, asked = plan_of(scope, team).left_without(gone), plan_of(left_out(scope, gone), team)
    assert {task.id for task in left.tasks} == {task.id for task in asked.tasks}
    assert (left.path_hours, left.total_days) == (asked.path_hours, asked.total_days)


@given(scopes, teams, st.booleans())
def test_goals_are_every_task_on_the_day_on_which_it_ends(scope: Scope, team: Team, dated: bool) -> None:
    plan = plan_of(scope, team, Timeline(start=date(2027, 1, 6) if dated else None))
    goals = {id: it.day for it in plan.goals for _, ids in it.finished for id in ids}
    assert goals.keys() == {task.id for task in plan.tasks}
    assert len(goals) == sum(len(ids) for it in plan.goals for _, ids in it.finished)
    for slot in plan.slots:
        last, goal = plan.last_day(slot.turn.finish), goals[slot.task.id]
        assert goal == last or (plan.is_long and 0 <= last - goal < team.days_per_week)
        if dated and plan.is_long:
            first, day = plan.dated(goal), plan.dated(last)
            assert first is not None
            assert day is not None
            assert first.isocalendar()[:2] == day.isocalendar()[:2]


@pytest.mark.parametrize(("hours", "long"), [(120, False), (121, True)])
def test_a_plan_of_more_than_four_weeks_has_goals_by_the_week(hours: int, long: bool) -> None:
    assert Plan((Task("T-a", "", 1, hours),), SHOP).is_long is long


@given(scopes)
def test_a_feature_waits_for_the_clients_that_it_needs(scope: Scope) -> None:
    found = graph(gated(derive(scope)))
    for feature in scope.product.features:
        for api in scope.product.external_apis:
            if set(api.used_by) & set(feature.services):
                before = nx.ancestors(found, f"T-{feature.id}")
                assert {f"T-spike-{api.name}", f"T-client-{api.name}"} <= before


def carriers(product: Product, spanned: set[str]) -> dict[str, set[str]]:
    """The tasks of all that passes between services or goes on in one, each with the services that it takes."""
    found: dict[str, set[str]] = {}
    for service in product.services:
        found |= {f"T-{service.name}-without-{it.service}": {service.name, it.service} for it in service.depends_on}
        found |= {f"T-{service.name}-job-{it.name}": {service.name} for it in service.jobs}
        made = {it.creates for it in service.reactions}
        reacts = spanned == {service.name} and all(it.name in made for it in service.entities)
        for it in service.reactions:
            told_by = set() if reacts else {product.events[it.event].service}
            found[f"T-{service.name}-{it.snake.replace('_', '-')}"] = {service.name, *told_by}
    for workflow in product.workflows:
        found[f"T-{workflow.service}-{workflow.path}"] = {workflow.service, *(it.service for it in workflow.steps)}
        for step in workflow.steps:
            found[f"T-{step.service}-{step.module.replace('_', '-')}"] = {workflow.service, step.service}
    return found


@given(scopes)
def test_a_feature_is_finished_after_what_carries_it_and_in_its_phase(scope: Scope) -> None:
    tasks = {task.id: task for task in derive(scope)}
    found = graph(gated(tuple(tasks.values())))
    for feature in scope.product.features:
        spanned, task = set(feature.services), tasks[f"T-{feature.id}"]
        carried_by = {id for id, services in carriers(scope.product, spanned).items() if services <= spanned}
        assert carried_by <= nx.ancestors(found, task.id)
        used = any(set(api.used_by) & spanned for api in scope.product.external_apis)
        assert task.phase == (3 if len(spanned) > 1 or carried_by or used else 2)


RADIO = read(
    {
        "project_name": "Radio",
        "concept": "A radio station.",
        "data_entities": [
            "wishes.Wish(track: str, listener: email, status: asked|planned|declined = asked)",
            "rights.Clearance(wish: uuid)",
            "rights.Usage(airing: uuid)",
            "playout.Airing(wish: uuid?)",
            "letters.Reply(recipient: email)",
        ],
        "services": [
            {"name": "wishes", "responsibility": "takes wishes", "publishes": ["wish.placed on create Wish"]},
            {
                "name": "playout",
                "responsibility": "knows what is on air",
                "publishes": ["airing.done on update Airing"],
            },
            {
                "name": "rights",
                "responsibility": "accounts for airings",
                "subscribes": ["on airing.done: create Usage(airing: id)"],
            },
            {
                "name": "letters",
                "responsibility": "writes to listeners",
                "subscribes": ["on wish.placed: create Reply(recipient: listener)"],
            },
        ],
        "workflows": [
            "granting on create Wish: Clearance(wish: id), then Airing(wish: id); "
            "done: status = planned; undone: status = declined"
        ],
        "jobs": ["letters: send_reply on create Reply", "rights: draw_up_statements daily at 03:30"],
    }
)
SPANNING = "T-rights-on-airing-done", "T-rights-job-draw-up-statements"
GRANTING = "T-wishes-granting", "T-rights-granting-clearance", "T-playout-granting-airing"


def carrying(*services: str) -> tuple[int, set[str]]:
    """The phase of a feature of some services of the radio, and what it needs of that phase."""
    product = replace(RADIO, features=(Feature("FR-001", "Any", services=services),))
    tasks = {task.id: task for task in derive(Scope(product))}
    return tasks["T-FR-001"].phase, {need for need in tasks["T-FR-001"].needs if tasks[need].phase == 3}


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        (("wishes", "rights", "playout"), {*SPANNING, *GRANTING}),
        (("wishes", "playout"), {"T-playout-granting-airing"}),
        (("rights", "playout"), {*SPANNING}),
        (("rights",), {"T-rights-job-draw-up-statements"}),
        (("letters",), {"T-letters-on-wish-placed", "T-letters-job-send-reply"}),
        (("letters", "playout"), {"T-letters-job-send-reply"}),
    ],
)
def test_what_carries_a_feature_is_built_before_it(services: tuple[str, ...], expected: set[str]) -> None:
    assert carrying(*services) == (3, expected)


def test_a_feature_that_nothing_else_carries_stays_with_its_service() -> None:
    assert carrying("playout") == carrying("wishes") == (2, set())


def test_a_job_comes_after_what_makes_the_records_that_begin_it() -> None:
    tasks = {task.id: task for task in derive(Scope(RADIO))}
    assert tasks["T-letters-job-send-reply"].needs == ("T-rules-reply", "T-letters-on-wish-placed")


def test_acceptance_tests_are_asked_for_in_the_phase_of_their_feature() -> None:
    show = replace(BROWSE, services=("playout",))
    thank = replace(BUY, services=("letters",))
    exits = [phase.exits for phase in plan_of(Scope(replace(RADIO, features=(show, thank)))).phases]
    assert exits[1] == ("the acceptance tests of FR-001 pass without their xfail marks",)
    assert exits[2] == ("the acceptance tests of FR-002 pass without their xfail marks",)


@given(scopes)
def test_what_is_foreign_or_risky_is_tried_first(scope: Scope) -> None:
    tasks = {task.id: task for task in derive(scope)}
    tried = [f"T-spike-{api.name}" for api in scope.product.external_apis] + [f"T-{it.id}" for it in scope.risks]
    assert {tasks[id].phase for id in tried} <= {1}
    features = [task for task in tasks.values() if task.id.startswith("T-FR-")]
    assert {task.phase for task in features} <= {2, 3}


def test_every_answer_that_means_work_is_a_task() -> None:
    api = ExternalApi("sms", used_by=("orders",))
    scope = Scope(
        replace(SHOP, external_apis=(api,)),
        blockers=(Named("A07-FR-003", "no criterion", "FR-003"),),
        risks=(Named("RISK-1", "it breaks"),),
        targets=(Named("NFR-01", "listing"),),
        sensitive=True,
        backup=True,
        place="vm",
    )
    ids = {task.id for task in derive(scope)}
    assert ids >= {
        "T-A07-FR-003",
        "T-spike-sms",
        "T-RISK-1",
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


@given(scopes, teams)
def test_a_phase_begins_after_all_of_the_one_before(scope: Scope, team: Team) -> None:
    phases = plan_of(scope, team).phases
    assert [phase.name for phase in phases] == list(PHASES)
    for before, after in pairwise(phases):
        assert max(slot.turn.finish for slot in before.slots) <= min(slot.turn.start for slot in after.slots)


def test_a_phase_ends_with_what_can_be_checked() -> None:
    gap = Named("A07-FR-003", "no criterion", "FR-003")
    scope = Scope(SHOP, (gap,), risks=(Named("RISK-1", "it breaks"),), targets=(Named("NFR-01", "listing"),))
    exits = [phase.exits for phase in plan_of(scope).phases]
    assert any("RISK-1" in line for line in exits[0])
    assert "FR-003" not in " ".join(exits[0])
    assert any("tests of FR-001 pass" in line for line in exits[1])
    assert not any(it.id in " ".join(exits[1] + exits[2]) for it in SHOP.features if not it.criteria)
    assert any("orders refuses while catalog is unavailable" in line for line in exits[2])
    assert any("NFR-01 measured" in line for line in exits[3])


@pytest.mark.parametrize(
    ("features", "exits"),
    [
        ((BUY,), ("nothing: every feature needs something of phase 3, and is checked there",)),
        ((BUY, EXTRA), ()),
        ((), ()),
    ],
)
def test_a_phase_without_criteria_says_why_if_it_has_no_feature(
    features: tuple[Feature, ...], exits: tuple[str, ...]
) -> None:
    assert plan_of(Scope(replace(SHOP, features=features))).phases[1].exits == exits


def test_a_target_is_measured_at_its_load_if_one_is_answered() -> None:
    scope = Scope(SHOP, targets=(Named("NFR-01", "listing"), Named("NFR-02", "order")))
    assert replace(plan_of(scope), loaded=("NFR-01",)).phases[3].exits[1:] == (
        "NFR-01 measured at the answered load",
        "NFR-02 measured, and the load noted, as none is answered (`performance_targets`)",
    )


def test_a_feature_of_several_services_is_integration_and_costs_more() -> None:
    tasks = {task.id: task for task in derive(Scope(SHOP))}
    assert (tasks["T-FR-001"].phase, tasks["T-FR-002"].phase) == (2, 3)
    assert tasks["T-FR-002"].hours - tasks["T-FR-001"].hours == RATES["crossing"].person


class TestBasis:
    @given(scopes)
    def test_estimates_are_the_rates_of_what_a_task_consists_of(self, scope: Scope) -> None:
        for task in derive(replace(scope, basis=PEOPLE)):
            assert (task.agent, task.hours) == (0, sum(RATES[kind].person * count for kind, count in task.work))
        for task in derive(replace(scope, basis=AGENT)):
            assert task.agent == sum(RATES[kind].agent * count for kind, count in task.work)
            assert task.hours == sum(RATES[kind].review * count for kind, count in task.work) > 0

    def test_a_person_reviews_while_agents_go_on(self) -> None:
        """Two tasks of 4 hours of an agent and 2 of review each, and one person."""
        tasks = tuple(Task(id, "", 1, 2, agent=4) for id in ("T-a", "T-b"))
        turns = level(tasks, 1)
        assert [(turns[it.id].start, turns[it.id].finish) for it in tasks] == [(0, 6), (0, 8)]

    def test_an_order_has_no_time_and_no_verdict(self) -> None:
        plan = plan_of(Scope(SHOP, basis=ORDER), timeline=Timeline(start=date(2027, 1, 4), weeks=1))
        assert (plan.available_days, plan.over_days, plan.cuts, plan.ends) == (None, 0, (), None)
        assert plan.path_hours == len([task for task in plan.critical_path if not task.is_gate])
        assert "nothing is estimated" in plan.verdict
        shown = task_export.tasks(plan)["tasks"]
        assert isinstance(shown, list)
        times = ("hours", "agent_hours", "start", "finish", "slack", "person", "start_date", "finish_date")
        assert {it[key] for it in shown for key in times} == {None}


def test_a_plan_that_fits_says_so_and_cuts_nothing() -> None:
    plan = plan_of(Scope(SHOP), timeline=Timeline(weeks=20))
    assert (plan.available_days, plan.over_days, plan.cuts) == (100, 0, ())
    assert plan.verdict.endswith("; it fits.")


def test_a_plan_that_does_not_fit_names_what_to_leave_out_and_what_that_saves() -> None:
    plan = plan_of(Scope(SHOP), timeline=Timeline(weeks=1.6))
    assert (plan.total_days, plan.available_days) == (8.9, 8)
    assert [(it.feature.id, it.hours, it.total_days) for it in plan.cuts] == [("FR-003", 6, 7.7)]
    assert "; it is 0.9 over." in plan.verdict


def test_what_no_cut_can_help_is_cut_by_nothing() -> None:
    plan = plan_of(Scope(SHOP), timeline=Timeline(weeks=0.5))
    assert (plan.cuts, plan.least_over_days) == ((), 2.2)


def test_without_a_timeline_nothing_is_over() -> None:
    plan = plan_of(Scope(SHOP))
    assert plan.available_days is None
    assert "no timeline" in plan.verdict


def test_hours_become_days_of_the_team_and_the_buffer_is_on_top() -> None:
    plan = Plan((Task("T-a", "", 1, 24),), SHOP, Team(hours_per_day=4), buffer_percent=50)
    assert (plan.days(24), plan.buffer_days, plan.total_days) == (6, 3, 9)


def test_parts_of_hours_are_counted_as_they_were_written() -> None:
    plan = Plan((Task("T-a", "", 1, 12),), SHOP, Team(hours_per_day=0.1), buffer_percent=0)
    assert (plan.total_days, plan.span(Turn(9, 12, 1))) == (120, (90, 119))


def test_a_deadline_counts_its_own_day_and_no_day_off() -> None:
    time = Timeline(start=date(2027, 1, 4), deadline=date(2027, 1, 8))
    plan = plan_of(Scope(SHOP), timeline=time)
    assert plan.available_days == 5
    assert replace(plan, off=(date(2027, 1, 6), date(2027, 1, 9))).available_days == 4


def test_weeks_from_a_start_lose_the_days_off_in_them() -> None:
    plan = plan_of(Scope(SHOP), timeline=Timeline(start=date(2027, 1, 4), weeks=2))
    off = (date(2027, 1, 6), date(2027, 1, 10), date(2027, 1, 15), date(2027, 1, 18))
    assert (plan.available_days, replace(plan, off=off).available_days) == (10, 8)
    assert replace(plan, off=off, timeline=Timeline(weeks=2)).available_days == 10


def test_the_chart_shows_the_buffer_and_shades_days_without_work() -> None:
    task = Task("T-a", "Work", 1, 30)
    time = Timeline(start=date(2027, 1, 6))
    source = diagrams.gantt(Plan((task,), SHOP, timeline=time, off=(date(2027, 1, 7), date(2027, 6, 1)))).source
    assert "  excludes saturday, sunday, 2027-01-07" in source
    assert "  Work :crit, 2027-01-06, 2027-01-14" in source
    assert source.endswith("  section Buffer\n  1 days :2027-01-14, 2027-01-15")
    assert "excludes" not in diagrams.gantt(Plan((task,), SHOP)).source


def test_a_plan_without_a_buffer_speaks_of_none() -> None:
    plan = replace(plan_of(Scope(SHOP), timeline=Timeline(weeks=1.6)), buffer_percent=0)
    assert plan.verdict.startswith("7.4 working days without a buffer; 8 are available; it fits.")


@given(scopes, teams, st.sets(st.dates(date(2027, 1, 4), date(2027, 4, 1)), max_size=9))
def test_a_milestone_is_drawn_on_its_day(scope: Scope, team: Team, off: set[date]) -> None:
    """Mermaid draws it in the middle between its two dates."""
    plan = replace(plan_of(scope, team, Timeline(start=date(2027, 1, 4))), off=tuple(sorted(off)))
    written = [it.split(", ") for it in diagrams.gantt(plan).source.splitlines() if ", milestone, " in it]
    between = [[datetime.fromisoformat(day) for day in it[-2:]] for it in written]
    gates = [slot for slot in plan.slots if slot.task.is_gate]
    assert [(a + (b - a) / 2).date() for a, b in between] == [plan.dated(plan.span(it.turn)[0]) for it in gates]


HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", 'a "b", c', "a\nb", "\t=1", "'=1", "Wörter, ½", "")


@pytest.mark.parametrize("title", HOSTILE)
def test_a_title_is_one_cell_and_no_formula(title: str) -> None:
    written = task_export.csv_of(Plan((Task("T-a", title, 1, 1), Task("T-b", "", 1, 1, needs=("T-a",))), SHOP))
    first, second = csv.DictReader(io.StringIO(written))
    assert first["title"].removeprefix("'").split() == title.removeprefix("'").split()
    assert not first["title"].startswith(("=", "+", "-", "@"))
    assert (second["needs"], second["earliest_start"], second["critical"]) == ("T-a", "1", "true")
