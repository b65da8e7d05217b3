"""What documents say: the state of each answer, the records of decisions, the tables and the model for the checker."""

from __future__ import annotations

import ast
import copy
import cProfile
import json
import re
from collections import Counter
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundplan import catalogue, generation, text
from groundplan.operations import KINDS, operations
from groundplan.planning import error_catalogue, model_json
from groundplan.planning.documents import Planning
from groundplan.planning.markdown import code, table
from groundplan.planning.prd import quantity
from projects import EXAMPLES, REPOSITORY, answers

REAL = catalogue.load(REPOSITORY / "decisions")
BOOKSHOP = answers(REPOSITORY / "examples" / "bookshop.yml")


def planning(**changes: object) -> Planning:
    return generation.build(copy.deepcopy(BOOKSHOP) | changes, REAL).planning


@pytest.fixture(scope="module")
def bookshop() -> Planning:
    return planning()


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        ("tbd", "**Open** (A02-personas): who uses it, for what. Answer `personas`."),
        ("not needed: a machine calls it", "Not needed (`personas`): a machine calls it."),
        (
            "defer: after the pilot, the shop's owner",
            "**Deferred** (after the pilot); the shop's owner then answers `personas`: who uses it, for what.",
        ),
        ("assume: [Reader]", "**Assumed**: nobody has confirmed `personas` yet."),
        ([{"name": "Reader", "goal": "read"}], ""),
    ],
)
def test_a_section_says_how_its_answer_stands(answer: object, note: str) -> None:
    assert planning(personas=answer, access="tbd").note("personas") == note


def test_a_required_library_is_a_dependency_as_soon_as_its_version_is_said() -> None:
    libraries: list[dict[str, str]] = [
        {"name": "PyJWT", "why": "users have tokens", "constraint": "==2.15.1"},
        {"name": "lxml[html_clean]", "constraint": ">=5, <7"},
        {"name": "SQLAlchemy", "why": "we know it", "constraint": "<3"},
        {"name": "weasyprint", "why": "invoices are printed"},
        {"name": "Django", "why": "we know it", "constraint": "below 7"},
        {"name": "some library", "why": "we wrote it", "constraint": "==1"},
    ]
    made = planning(required_libraries=libraries)
    needed = {it.package: it for it in made.project.dependencies}
    assert [*needed] == sorted(needed)
    assert needed.keys() - {it.package for it in planning().project.dependencies} == {"lxml", "pyjwt"}
    assert str(needed["pyjwt"]) == "PyJWT==2.15.1"
    assert needed["pyjwt"].why == "users have tokens"
    assert str(needed["lxml"]) == "lxml[html_clean]>=5, <7"
    assert needed["sqlalchemy"].decision == "storage_kind"
    to_come = [row[0] for row in made.libraries.rows if "uv add" in row[1]]
    assert to_come == ["`weasyprint`", "`Django` below 7", "`some library` \\==1"]


def test_an_assumption_is_shown_with_its_note() -> None:
    made = planning(backup_recovery={"assume": {"rpo": "1 h"}})
    section = made.section("backup_recovery", made.prd.backup)
    assert section.startswith("**Assumed**")
    assert "| Data loss (RPO) | 1 h |" in section


def test_a_section_of_parts_that_say_nothing_has_no_empty_lines(bookshop: Planning) -> None:
    assert bookshop.section("personas", "", "text", table("A, B", ())) == "text"


@given(st.text().filter(lambda value: bool(value.split())))
def test_code_in_a_cell_is_one_piece(value: str) -> None:
    written = code(text.line(value))
    assert "\n" not in written
    assert written.startswith("`")
    assert written.endswith("`")
    assert written.count("|") == written.count("\\|")


def test_numbers_have_units_and_unknowns_say_so() -> None:
    assert (quantity(150, "ms"), quantity("2 minutes", ""), quantity("", "ms")) == ("150 ms", "2 minutes", "unknown")


def test_somebody_took_a_decision_so_it_has_a_record(bookshop: Planning) -> None:
    records = {it.record.decision: it for it in bookshop.records.all}
    assert {"storage_kind", "architecture_style"} <= set(records)
    assert all(not it.resolved.decision.settled for it in records.values())
    assert records["storage_kind"].status == "accepted"
    assert records["storage_kind"].why == BOOKSHOP["decision_overrides"]["storage_kind"]["why"]  # type: ignore[index]


def test_a_reason_of_its_own_gives_a_settled_decision_a_record() -> None:
    made = planning(decision_overrides={"api_style": {"why": "the web pages speak nothing else"}})
    assert "api_style" in [it.record.decision for it in made.records.all]


def test_a_record_leads_to_the_code_of_its_option(bookshop: Planning) -> None:
    """To modules that the project has, and of those that each service has to one."""
    code = {it.record.decision: it.location for it in bookshop.records.all}
    assert code["api_versioning"] == (
        "Its code: [`services/common/api/versioning.py`](../../services/common/api/versioning.py)."
    )
    assert code["alerting"] == ""
    assert "services/catalog/tables.py" in code["storage_kind"]
    assert "services/orders/tables.py" not in code["storage_kind"]


CHANGES = {
    "rules: what is checked before a record changes, and done afterwards",
    *("fields of a record", "the generated routes", "routes beyond those of records", "queries in SQL"),
    *("who may do what", "an event: when it is published, and its fields", "what an event causes"),
    *("a setting", "a migration"),
}


def test_the_map_names_what_the_product_has(bookshop: Planning) -> None:
    assert {row[0] for row in bookshop.change_map.rows} == CHANGES
    job = "catalog: take_stock daily at 02:00"
    assert {row[0] for row in planning(jobs=[job]).change_map.rows} == CHANGES | {"a job"}
    bare = planning(services=["notes"], data_entities="tbd", mvp_features="tbd", external_apis="tbd", access="tbd")
    assert {row[0] for row in bare.change_map.rows} == {"routes beyond those of records", "a setting"}


def test_a_superseded_decision_stays_readable() -> None:
    trail = ["0001|storage_kind=postgres|chosen|2026-03-01|two writers"]
    records = planning(history={"trail": trail, "offsets": {}, "ids": {}, "schema": {}}).records.all
    before, after = (it for it in records if it.record.decision == "storage_kind")
    assert (before.status, before.label) == (f"superseded by {after.id}", "PostgreSQL")
    assert (before.why, before.record.on) == ("two writers", "2026-03-01")
    assert after.status == "accepted"
    assert before.confirmation == f"Nothing confirms it any more: {after.id} took its place."
    assert after.confirmation
    assert [it.option.name for it in before.rejected] == ["sqlite", "documents", "files"]
    assert all(it.why == it.option.rejected for it in before.rejected)


def test_a_decision_that_stays_keeps_its_record() -> None:
    """Although what was chosen besides leaves nothing else for it."""
    free = {"architecture_style": "auto", "topology": "auto", "decision_overrides": {}}
    trail = ["0001|architecture_style=services|auto||"]
    past = {"trail": trail, "offsets": {}, "ids": {}, "schema": {}}
    assert "architecture_style" in [it.record.decision for it in planning(**free, history=past).records.all]
    bound = free | {"topology": "gateway"}
    forgotten = planning(**bound, history=past)
    assert "architecture_style" not in [it.record.decision for it in forgotten.records.all]
    kept = planning(**bound, history=past | {"records": ["architecture_style"]})
    assert "architecture_style" in [it.record.decision for it in kept.records.all]
    assert "D13-architecture_style" in [gap.id for gap in kept.gaps]


def test_the_guide_of_a_product_of_one_service_mentions_no_others() -> None:
    alone = generation.build(
        {"project_name": "Diary", "concept": "Notes.", "services": ["diary: keeps notes"]}, REAL
    ).project
    words = [it for one in alone.decisions for it in (one.because, one.confirmed_by, one.option.practice)]
    words += [it.description for it in alone.environment] + [it.why for it in alone.dependencies]
    of_others = re.compile("each other|other services|events wait|delivery of events|sends an event")
    assert [it for it in words if of_others.search(it)] == []


def test_a_decision_that_nobody_took_is_proposed() -> None:
    records = planning(storage_kind="auto", decision_overrides={}).records.all
    assert {it.status for it in records if it.record.decision == "storage_kind"} <= {"proposed"}


def test_every_decision_has_a_row_with_its_reason(bookshop: Planning) -> None:
    rows = [row for _, part in bookshop.architecture.decisions for row in part.rows]
    assert len(rows) == len(REAL.decisions)
    assert all("" not in row for row in rows)
    kept = [row[3] for row in rows if "](Decisions/" in row[0]]
    assert set(kept) == {"see the ADR"}
    assert len(kept) == len(bookshop.records.all)


def test_a_requirement_leads_to_what_its_words_name(bookshop: Planning) -> None:
    rows = {row[0].split()[0]: row for row in bookshop.trace.rows}
    assert rows["FR-001"][2:4] == ("`/v1/books`", "–")
    assert rows["FR-004"][3] == "`order.placed`"
    assert rows["FR-005"][3] == "`order.cancelled`"


def test_what_happens_across_services_leads_to_its_requirements(bookshop: Planning) -> None:
    rows = {row[0]: row[1:] for row in bookshop.interactions_table.rows}
    assert rows["FR-004 Confirm an order"] == (
        "orders sends order.placed to notifications",
        "[orders](ServiceSpecifications/orders.md#at-run-time)",
    )
    assert rows["FR-003 Order books"][0] == "orders asks catalog for a book"
    drawn = [(it.name, diagram.title) for it in bookshop.specifications for diagram in it.sequences]
    assert drawn == [
        ("orders", "POST /v1/orders, for FR-003 Order books, FR-004 Confirm an order"),
        ("orders", "DELETE /v1/orders/id, for FR-005 Cancel an order"),
    ]


def copying() -> Planning:
    """The bookshop where orders keeps a copy of the books that it depends on the catalog for."""
    services: Any = copy.deepcopy(BOOKSHOP["services"])
    orders = next(it for it in services if it.get("name") == "orders")
    orders["subscribes"] = ["keep Book"]
    return planning(services=services)


def test_who_keeps_a_copy_calls_nobody_for_it() -> None:
    made = copying()
    assert made.architecture.calls.rows == ()
    assert made.architecture.start_order == ""
    orders = next(it for it in made.specifications if it.name == "orders")
    assert "`catalog`" not in [row[0] for row in orders.dependencies.rows]
    assert "CATALOG_URL" not in [it.name for it in orders.settings]
    assert "T-orders-without-catalog" not in [it.id for it in made.plan.tasks]
    assert not [it for phase in made.plan.phases for it in phase.exits if "catalog away" in it]
    assert not [it.id for it in made.gaps if it.id == "C11-orders-catalog"]
    assert "calls" not in [row[0] for row in made.architecture.drivers.rows]
    assert "a dependency is slow or unavailable" not in [row[0] for row in made.implementation.patterns.rows]


def test_processes_start_after_those_that_they_call(bookshop: Planning) -> None:
    order = "`catalog` and `notifications`, then `orders`."
    assert bookshop.architecture.start_order.endswith(order)
    assert planning(architecture_style="modular_monolith", decision_overrides={}).architecture.start_order == ""


def test_an_address_names_its_callers_and_its_requirements(bookshop: Planning) -> None:
    rows = {row[:2]: row for it in bookshop.specifications for row in it.contract.rows}
    assert rows["GET", "`/v1/books`"][2] == "Reader, Shopkeeper"
    assert rows["PATCH", "`/v1/orders/{id}`"][2] == "Shopkeeper"
    assert rows["GET", "`/v1/notifications`"][2] == "other services"
    assert "FR-003" in rows["POST", "`/v1/orders`"][-1]
    assert rows["GET", "`/health/ready`"][2] == "anyone"
    assert rows["POST", "`/internal/events`"][2] == "other services"


def test_who_calls_a_service_from_inside_sends_what_services_prove_themselves_by() -> None:
    made = {it.name: it for it in planning(api_auth="oidc").specifications}
    assert made["orders"].sent == "The token goes into `Authorization`, after `Bearer`"
    assert made["notifications"].sent == "The key of the services goes into `X-API-Key`"
    signed = {it.name: it for it in planning(service_auth="signed_tokens").specifications}
    assert signed["notifications"].sent == "The token of the service goes into `X-Service-Token`"
    callers = {it: [row[2] for row in made[it].contract.rows if "/v1/" in row[1]] for it in made}
    assert callers["orders"][:2] == ["Reader", "Shopkeeper"]
    assert set(callers["notifications"]) == {"other services"}


def test_a_broker_takes_the_place_of_an_address() -> None:
    """Who publishes names where an event goes, who hears where it comes from; neither knows the other."""
    made = {it.name: it for it in planning(delivery="rabbitmq").specifications}
    assert not any("/internal" in row[1] for it in made.values() for row in it.contract.rows)
    sent = ("`order.placed` is sent to", "exchange `bookshop.events` (topic), routing key `order.placed`")
    assert sent in made["orders"].channels.rows
    heard = ("it subscribes to", "queue `bookshop.notifications`, bound to what it hears")
    assert heard in made["notifications"].channels.rows
    assert not made["catalog"].channels.rows
    for name in ("orders", "notifications"):
        assert ("RabbitMQ", "broker") in [row[:2] for row in made[name].dependencies.rows]
    assert not any(row[1] in ("broker", "subscriber") for row in made["catalog"].dependencies.rows)
    assert "NOTIFICATIONS_URL" not in [it.name for it in made["orders"].settings]


def test_without_a_broker_none_is_mentioned(bookshop: Planning) -> None:
    assert not any(it.channels for it in bookshop.specifications)
    orders = next(it for it in bookshop.specifications if it.name == "orders")
    assert ("`notifications`", "subscriber", "its events wait, in order", "30 s") in orders.dependencies.rows


def test_a_reference_says_where_it_is_looked_up(bookshop: Planning) -> None:
    orders = next(it for it in bookshop.specifications if it.name == "orders")
    (row,) = orders.references.rows
    assert row[:5] == ("`Order.lines.book`", "`Book`", "`catalog`", "its API", "409")


def test_concerns_name_what_they_are_about_here(bookshop: Planning) -> None:
    rows = {row[0]: row for row in bookshop.architecture.concerns.rows}
    assert "`order.placed`" in rows["Consistency"][2]
    assert "`API_KEYS`" in rows["Configuration"][2]
    unknown = planning(data_sensitivity="tbd", monitoring_requirements="tbd").architecture.concerns.rows
    assert [row[2] for row in unknown if "unknown" in row[2]] == [
        "sensitive data: unknown (`data_sensitivity`)",
        "watched: unknown (`monitoring_requirements`)",
    ]


def test_the_security_of_services_leads_to_who_may_do_what_where_there_is_a_table_of_it() -> None:
    def security(**changes: object) -> str:
        rows = {row[0]: row[2] for row in planning(**changes).architecture.concerns.rows}
        return rows["Security"]

    assert security() == "open to external callers: `catalog`, `orders`; [who may do what](#who-may-do-what)"
    unproven = {"api_auth": "none", "distribution": "internal", "encryption": "none", "data_sensitivity": ["none"]}
    assert security(**unproven) == "open to external callers: `catalog`, `orders`; any caller may do everything"
    nothing_kept = {"data_entities": "tbd", "access": "tbd", "mvp_features": "tbd", "services": ["notes: keeps"]}
    assert security(**nothing_kept) == "open to external callers: `notes`"


def test_who_may_do_what_is_a_table_of_the_public_services(bookshop: Planning) -> None:
    rows = {row[0]: row[1:] for row in bookshop.architecture.access.rows}
    assert rows == {
        "`Book`": ("Shopkeeper", "Reader, Shopkeeper", "Reader, Shopkeeper", "Shopkeeper", "Shopkeeper", "–"),
        "`Order`": ("Reader", "Reader, Shopkeeper", "Shopkeeper", "Shopkeeper", "Reader, Shopkeeper", "–"),
    }
    said = ["Order: read owner | anyone, create callers; owner: customer"]
    entities: Any = copy.deepcopy(BOOKSHOP["data_entities"])
    entities[0] += "; only patch, read"
    rows = {row[0]: row[1:] for row in planning(access=said, data_entities=entities).architecture.access.rows}
    assert rows == {
        "`Book`": ("–", "nobody", "–", "nobody", "–", "–"),
        "`Order`": ("every caller", "the owner, anyone", "the owner, anyone", "nobody", "nobody", "`customer`"),
    }


def test_who_stores_records_of_others_stands_with_who_may_do_what() -> None:
    said = "Order: create callers | Shopkeeper, read owner | Shopkeeper; owner: customer"
    notes = planning(access=[said]).architecture.access_notes
    assert "creates it for itself, and nobody gives one away or takes it, but for" in notes
    assert "`Order`: Shopkeeper." in notes
    assert "for itself" not in planning(access=["Order: create callers; owner: customer"]).architecture.access_notes


def test_who_reads_what_is_on_record_stands_with_who_may_do_what() -> None:
    made = planning(audit=["Order: read Shopkeeper", "Notification"])
    guide = made.architecture
    assert guide.access.header[-2:] == ("History", "Owner")
    assert {row[0]: row[-2] for row in guide.access.rows} == {"`Book`": "–", "`Order`": "Shopkeeper"}
    assert "The history of `Order`, `Notification` is append-only" in guide.access_notes
    assert made.prd.on_record == "It is on record who changes `Order`, `Notification`, and how."
    orders = next(it for it in made.specifications if it.name == "orders")
    addresses = {row[1]: row for row in orders.contract.rows}
    assert addresses["`/v1/orders/{id}/history`"][2:5] == (
        "Shopkeeper",
        "`after`, `limit`",
        "200 page of `HistoryEntry`",
    )


def test_documents_say_what_is_not_kept_for_good() -> None:
    made = planning(retention=["Order: anonymise 2 years after updated_at"])
    said = "`Order` is anonymised 2 years after updated_at"
    assert made.prd.kept == f"Not kept for good: {said}."
    orders, catalog = (next(it for it in made.specifications if it.name == name) for name in ("orders", "catalog"))
    assert (orders.kept, catalog.kept) == (made.prd.kept, "")
    proved = [row[1] for row in orders.tests.rows if "retention" in row[0]]
    assert proved == ["that each `Order` is kept for its time"]
    (row,) = (it for it in made.architecture.concerns.rows if it[0] == "Retention")
    assert row[1:] == ("–", said, "[`retention.py`](../services/common/retention.py)")
    plain = planning()
    assert plain.prd.kept == ""
    assert not [it for it in plain.architecture.concerns.rows if it[0] == "Retention"]


def test_documents_say_what_is_erased_on_request() -> None:
    made = planning(person=["Order: anonymise", "Notification by order: keep"])
    assert made.prd.kept == "Of a person who asks to be forgotten, `Order` is anonymised and `Notification` is kept."
    orders = next(it for it in made.specifications if it.name == "orders")
    assert orders.kept == "Of a person who asks to be forgotten, `Order` is anonymised."
    proved = [row[1] for row in orders.tests.rows if "person" in row[0]]
    assert proved == ["that of a person, each `Order` is exported, and erased as it was said"]
    (row,) = (it for it in made.architecture.concerns.rows if it[0] == "Erasure")
    assert row[2] == "`Order` is anonymised and `Notification` is kept"


def test_a_choice_is_shown_as_it_was_offered(bookshop: Planning) -> None:
    made = planning(data_sensitivity=["pii", "financial"]).prd
    assert made.sensitivity == "Sensitive data: personal data, financial data."


def test_the_answer_record_has_each_question_once_by_its_state() -> None:
    made = planning(
        data_sensitivity=["pii"],
        slos="not needed: nothing is promised",
        maintenance="defer: the first sale, the owner",
        backup_recovery={"assume": {"rpo": "1 day"}},
    )
    rows = {row[0]: row[1] for row in made.prd.record.rows}
    assert "<br>`slos`: nothing is promised<br>" in rows["not needed"]
    assert (rows["defer"], rows["assume"]) == ("`maintenance`", "`backup_recovery`")
    asked = [it.name for it in made.prd.view.asked]
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows.values()))) == sorted(asked)


def test_a_story_says_who_wants_it_and_what_for() -> None:
    features = [{"name": "Find a book", "persona": "Reader", "outcome": "a book is found"}, "Sell"]
    made = planning(mvp_features=features)
    assert [made.prd.story(it) for it in made.project.product.features] == [
        "As **Reader**: *Find a book*, so that a book is found.",
        "As somebody (`persona` is unknown): *Sell*, so that its `outcome` is unknown.",
    ]


def test_a_feature_for_several_personas_is_told_of_each() -> None:
    made = planning(
        personas=["Reader: buys", "Shop keeper: sells", "Auditor: looks"],
        access="tbd",
        mvp_features=[
            {"name": "Cancel an order", "persona": "reader or shop keeper", "services": ["orders"]},
            {"name": "Audit", "persona": "Auditor", "services": ["orders"]},
        ],
        performance_targets=[{"what": "Cancelling", "scope": "orders", "metric": "p95", "target": 1}],
    )
    assert [row[-1] for row in made.prd.personas.rows] == ["FR-001", "FR-001", "FR-002"]
    sources = {cell for row in made.architecture.scenarios.rows for cell in row}
    assert "Reader, Shop keeper, Auditor" in sources
    assert not [gap for gap in made.gaps if gap.rule in ("A06", "A24")]


def test_a_target_without_a_metric_says_that_it_is_unknown() -> None:
    targets = [{"what": "Listing", "target": 500, "unit": "ms"}, {"what": "Paying", "metric": "p95", "target": 1}]
    rows = planning(performance_targets=targets).architecture.scenarios.rows
    assert [row[-1] for row in rows] == ["500 ms (of what is unknown)", "p95 1"]


def test_the_plan_knows_which_targets_have_a_load() -> None:
    targets = [{"what": "Listing", "target": 500, "unit": "ms", "load": "20 a second"}, "Paying: 1 s"]
    made = planning(performance_targets=targets)
    assert made.plan.loaded == (made.view.id("NFR", "Listing"),)


def test_a_plan_without_a_buffer_says_so() -> None:
    assert planning(buffer_percent=0).schedule.buffer_sentence == "No buffer is kept back (`buffer_percent`)."


def test_choices_are_shown_by_their_labels() -> None:
    made = planning(deploy_target="vm", data_sensitivity=["pii"], privacy_obligations=[{"class": "pii", "basis": "x"}])
    assert next(it for it in made.plan.tasks if it.id == "T-deploy").title == "Deploy: Virtual machine"
    assert "| Personal data | x |" in made.answered("privacy_obligations")
    assert "never log: personal data" in str(made.architecture.concerns)
    assert "no data are sensitive" in str(planning(data_sensitivity=["none"]).architecture.concerns)


def test_evidence_of_a_checkpoint_is_a_part_of_a_sentence(bookshop: Planning) -> None:
    shown = {it["number"]: it["evidence"] for it in json.loads(model_json.dump(bookshop, ()))["checkpoints"]}
    assert "; One version of each, and a committed lock file; " in shown[4]
    assert shown[9].endswith("are available; it fits")
    assert bookshop.plan.verdict.endswith("are available; it fits.")


def test_the_only_service_has_the_failures_that_name_none() -> None:
    only: dict[str, Any] = {
        "services": [{"name": "diary", "responsibility": "keeps days"}],
        "data_entities": ["diary.Day(text: str)"],
        "mvp_features": [{"name": "Write", "services": ["diary"]}],
        "failure_handling": [{"scenario": "The disk is full", "behaviour": "503"}],
        "performance_targets": "tbd",
        "existing_integrations": "not needed: none",
        "access": "tbd",
    }
    made = planning(**only, decision_overrides={})
    assert [row[0] for row in made.specifications[0].failures.rows] == ["The disk is full"]
    assert made.plan.phases[2].exits == ("nothing: no feature takes a second service, and nobody else's API is called",)
    shown = made.section("personas", made.diagram(planning(**only, personas="tbd").architecture.context))
    assert "mermaid" not in shown


def test_many_references_are_counted_in_the_errors() -> None:
    entities = [f"catalog.{name}(a: Book)" for name in ("One", "Two", "Three", "Four")]
    given: Any = BOOKSHOP["data_entities"]
    made = planning(data_entities=[*given, *entities])
    conflict = next(row for row in made.implementation.errors.rows if row[0] == "409")
    assert conflict[2].endswith(" does not exist: `Book` of `One`, `Book` of `Two` and 3 more")


def test_a_baseline_is_of_the_unit_of_its_target() -> None:
    metrics = [
        {"name": "Orders", "target": 40, "unit": "orders a week", "baseline": 6},
        {"name": "Faults", "target": 2, "unit": "percent", "baseline": "nobody counted"},
        {"name": "Calls", "target": 2, "unit": "a day"},
    ]
    rows = planning(success_metrics=metrics).prd.metrics.rows
    assert [row[2] for row in rows] == ["6 orders a week", "nobody counted", "unknown"]


def test_a_goal_names_the_metric_that_shows_it() -> None:
    metrics = [{"name": "Orders a week", "target": 100, "validates": ["Order books"]}]
    rows = planning(success_metrics=metrics).prd.goals.rows
    assert [row[4] for row in rows if row[2] == "FR-003"] == ["SM-1"]
    assert {row[4] for row in rows if row[2] != "FR-003"} == {"–"}


def test_a_later_feature_names_its_seam_once() -> None:
    made = planning(
        future_features=["Gift cards", "Ratings"],
        future_accommodation=[{"need": "Gift cards", "seam": "an order has payments", "cost_now": "none"}, "Two shops"],
    )
    assert [row[4] for row in made.future.rows] == ["an order has payments (costs now: none)", "unknown"]
    assert [row[0] for row in made.future_needs.rows] == ["Two shops"]


def test_patterns_and_shared_code_name_what_they_are_for(bookshop: Planning) -> None:
    here = {row[0]: row[2] for row in bookshop.implementation.patterns.rows}
    assert here["a record refers to one that another service owns"] == "`orders` asks `catalog` for `Book`"
    assert "that record is looked up too often to ask each time" not in here
    used = {row[0]: row[2] for row in bookshop.implementation.shared.rows}
    assert used['`amount("12.50")`'] == "a value of `Book.price`, `Order.total`"
    assert "`now()`" not in used
    assert used['`self.clients.catalog.request("GET", path)`'].startswith("a call in a rule of `orders`; ")
    assert not any("self.clients.orders" in it for it in used)


def test_standards_come_from_the_decisions(bookshop: Planning) -> None:
    rows = bookshop.implementation.standards.rows
    assert len(rows) > 5
    assert any("lint_format" in row[0] and "100 columns" in row[1] for row in rows)


SHARED = REPOSITORY / "template" / "services" / "common"


def test_the_error_catalogue_has_what_the_services_answer(bookshop: Planning) -> None:
    """By the names that `error_catalogue.py` gives to statuses, and those that routes declare."""
    named = set(re.findall(r"HTTPStatus\.([A-Z_]+)", (SHARED / "errors.py.jinja").read_text("utf-8")))
    routing = {404, 405}  # what Starlette raises for an address or a method
    limits = {408, 413}  # what is answered whatever the route
    declared = {it for kind in KINDS for it in kind.problems}
    answered = {int(HTTPStatus[name]) for name in named} | routing | limits | declared
    before = {429, 502, 504}  # what only a process before the services answers, where there is one
    assert {it.status for it in error_catalogue.PROBLEMS} - before == answered
    renamed = {413: "Content Too Large", 422: "Unprocessable Content"}  # newer than some versions of Python
    for it in error_catalogue.PROBLEMS:
        assert it.title == renamed.get(it.status, HTTPStatus(it.status).phrase)
    rows = {row[0]: row for row in bookshop.implementation.errors.rows}
    assert rows["409"][2] == (
        "a rule refuses it, or a request with the same `Idempotency-Key` is being answered"
        ", or a record that it refers to does not exist: `Book` of `Order`"
    )
    assert rows["503"][2] == "its database or `catalog` (for `orders`) does not answer"
    assert not before & {int(status) for status in rows}
    retried = {it.status for it in error_catalogue.PROBLEMS if it.again == "yes"}
    assert retried - before == {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.SERVICE_UNAVAILABLE}


def forbidden(**answers: object) -> str:
    """When a product answers 403."""
    return next(row[2] for row in planning(**answers).implementation.errors.rows if row[0] == "403")


def test_what_is_forbidden_is_so_by_the_access_matrix_where_there_is_one() -> None:
    """And by what a login or an organisation asks for besides."""
    matrix = "[the access matrix](ArchitectureGuide.md#who-may-do-what) or "
    assert forbidden() == f"{matrix}a rule does not allow it to this caller"
    assert forbidden(api_auth="session").endswith(", or a change comes without the `csrf_token` of its session")
    assert forbidden(tenants="Shop").endswith(", or the caller belongs to no Shop")
    unproven = {"api_auth": "none", "distribution": "personal", "encryption": "none", "data_sensitivity": ["none"]}
    assert forbidden(**unproven) == "a rule does not allow it to this caller"


def test_a_product_that_keeps_nothing_has_no_errors_of_writes() -> None:
    made = planning(services=["notes"], data_entities="tbd", mvp_features="tbd", external_apis="tbd", access="tbd")
    assert not {"409", "412", "428"} & {row[0] for row in made.implementation.errors.rows}


def test_what_a_rule_may_use_is_there(bookshop: Planning) -> None:
    for use, link, _ in bookshop.implementation.shared.rows:
        file = re.search(r"\(\.\./services/common/(.+)\)", link)
        assert file is not None
        name = re.match(r"`(?:.*\.)?(\w+)[(`]", use)
        assert name is not None
        found = REPOSITORY.glob(f"*/**/services/common/{file[1]}*")  # as it is, or a template of it
        (text_of, *_) = [it.read_text("utf-8") for it in found]
        assert re.search(rf"(def|class) {name[1]}\b|structlog", text_of), use


def test_a_service_reads_no_setting_of_an_api_that_it_does_not_use() -> None:
    sms = {"name": "sms", "purpose": "sends texts", "used_by": ["notifications"], "timeout_s": 5}
    specifications = {it.name: it for it in planning(external_apis=[sms]).specifications}
    assert "SMS_KEY" in [it.name for it in specifications["notifications"].settings]
    assert "SMS_KEY" not in [it.name for it in specifications["orders"].settings]
    assert "ORDERS_DATABASE_URL" not in [it.name for it in specifications["catalog"].settings]


def test_a_service_without_a_port_of_its_own_is_where_its_process_is() -> None:
    made = planning(architecture_style="modular_monolith", decision_overrides={})
    assert len({row[1] for row in made.architecture.services.rows}) == 1
    assert made.specifications[0].base.endswith("/catalog")
    assert "subgraph" in made.architecture.containers.source
    assert made.specifications[0].readiness[-1].startswith("the one process has no example value for")


def test_what_is_heard_says_from_what_its_record_is_made(bookshop: Planning) -> None:
    specification = next(it for it in bookshop.specifications if it.name == "notifications")
    fills = {row[0]: row[3] for row in specification.subscriptions.rows}
    assert fills["`order.placed`"] == ('`recipient: customer`, `subject: "Your order has arrived"`, `order: id`')


def test_a_copy_is_removed_with_what_it_is_of() -> None:
    made = copying()
    heard = {row[0]: row[-1] for row in made.architecture.events.rows}
    assert heard["`book.saved`"] == "`orders` renews its copy of `Book`"
    assert heard["`book.removed`"] == "`orders` removes its copy of `Book`"
    orders = next(it for it in made.specifications if it.name == "orders")
    does = {row[0]: row[2] for row in orders.subscriptions.rows}
    assert (does["`book.saved`"], does["`book.removed`"]) == (
        "renews its copy of `Book`",
        "removes its copy of `Book`",
    )


def test_a_scenario_that_only_names_a_service_is_not_reported_as_missing() -> None:
    made = planning(
        failure_handling=[{"scenario": "The catalog is unavailable", "service": "orders", "behaviour": "503"}]
    )
    catalog = next(it for it in made.specifications if it.name == "catalog")
    assert str(catalog.failures) == "No failure scenario has `catalog` as its service."


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_no_document_has_two_tables_with_one_header(example: Any) -> None:
    made = generation.build(answers(example), REAL).planning
    headers = Counter((document, it.header) for document, it in model_json.compared_tables(made) if it.rows)
    assert headers.most_common(1)[0][1] == 1


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_model_is_json_with_a_thing_a_line(example: Any) -> None:
    made = generation.build(answers(example), REAL).planning
    read = json.loads(model_json.dump(made, ()))
    assert [it["number"] for it in read["checkpoints"]] == list(range(1, 10))
    assert [it["id"] for it in read["requirements"]] == [it.id for it in made.project.product.features]
    assert all(
        json.loads(line.strip().rstrip(","))
        for line in model_json.dump(made, ()).splitlines()
        if line.startswith("    ")
    )


@pytest.mark.parametrize("services", [BOOKSHOP["services"], ["shop: sells books"]])
def test_every_decision_is_counted_once_and_what_is_not_to_be_decided_is_no_part_of_the_stack(services: Any) -> None:
    of_records = {it: BOOKSHOP[it] if services is BOOKSHOP["services"] else "tbd" for it in ("data_entities", "access")}
    features = [{"name": "Sell", "outcome": "it is sold"}]
    made = planning(services=services, **of_records, mvp_features=features, decision_overrides={})
    shown = {it["number"]: it["evidence"] for it in json.loads(model_json.dump(made, ()))["checkpoints"]}
    every, *parts = (int(it) for it in re.findall(r"\d+", shown[3]))
    assert every == sum(parts) == len(REAL.decisions)
    assert "Nothing" not in shown[4]


def test_the_model_has_the_operations_of_every_service(bookshop: Planning) -> None:
    read = json.loads(model_json.dump(bookshop, ()))
    product = bookshop.project.product
    assert [it["id"] for it in read["operations"]] == [
        it.id for service in product.services for it in operations(product, service)
    ]
    made = next(it for it in read["operations"] if it["id"] == "create_book")
    assert (made["method"], made["path"], made["body"]) == ("POST", "/v1/books", "BookDraft")
    assert (made["success"], made["problems"]) == (201, [400, 401, 403, 409, 422, 503])
    assert read["services"][0]["entities"] == [{"name": "Book", "rules": "services/catalog/book.py"}]


def test_the_model_has_the_open_questions_alone_with_what_is_recommended_first() -> None:
    read = json.loads(model_json.dump(planning(storage_kind="auto", concept="tbd", decision_overrides={}), ()))
    asked = {it["question"]: it for it in read["open"]}
    assert set(asked) == {it["question"] for it in read["gaps"]}
    assert {it["id"] for it in read["rules"]} == {it["rule"] for it in read["gaps"]}
    assert asked["storage_kind"]["options"][0]["value"] == "postgres"
    assert asked["concept"]["options"][0]["value"] == ""  # it is answered in words


def test_the_model_has_the_words_that_the_glossary_does_not_want(bookshop: Planning) -> None:
    read = json.loads(model_json.dump(bookshop, ()))
    assert {"term": "Stock", "not_called": ["inventory"]} in read["terms"]
    assert read["legal"] == ["pii"]


def test_an_id_that_is_gone_is_retired_and_not_given_again() -> None:
    before = generation.build(copy.deepcopy(BOOKSHOP), REAL).project
    fewer = copy.deepcopy(BOOKSHOP) | {"history": before.history.as_answer()}
    fewer["mvp_features"] = fewer["mvp_features"][1:]  # type: ignore[index]
    read = json.loads(model_json.dump(generation.build(fewer, REAL).planning, ()))
    assert read["retired_ids"] == ["FR-001", "FR-001-AC1", "FR-001-AC2"]
    assert "FR-001" not in read["ids"]


@pytest.mark.parametrize(
    "changes",
    [
        {"team": {"size": 1000, "hours_per_day": 0.000001, "days_per_week": 1}},
        {"timeline": {"start": "9999-12-31", "weeks": 520}},
        {"timeline": {"start": "2027-02-01", "deadline": "0001-01-01"}},
        {"mvp_features": "tbd"},
        {"mvp_features": ["Browse"], "out_of_scope": ["Browse"], "future_features": ["Browse"]},
    ],
)
def test_odd_answers_still_make_documents(changes: dict[str, object]) -> None:
    made = planning(**changes)
    assert json.loads(made.tasks_json)["tasks"]
    assert len(made.tasks_csv.splitlines()) == 1 + len(made.plan.tasks)
    assert made.schedule.gantt.source.startswith("gantt")


def test_a_criterion_is_a_docstring_of_lines_that_fit(bookshop: Planning) -> None:
    tests = [test for it in bookshop.acceptance for test in it.tests]
    assert [test.function for test in tests][:2] == ["test_fr_001_ac1", "test_fr_001_ac2"]
    assert all(len(line) <= 96 for test in tests for line in test.docstring)
    for test in tests:
        assert ast.literal_eval("\n".join(test.docstring)).split() == test.text.split()


def test_an_example_of_a_rule_is_about_a_field_that_callers_send() -> None:
    given = {
        "project_name": "Orders",
        "services": ["orders: takes orders"],
        "data_entities": ["Order(by: str? system, note: text)"],
    }
    example = generation.build(given, REAL).planning.example
    assert example is not None
    assert example.field == "note"


def test_an_example_of_a_rule_is_python_over_an_entity_of_the_product(bookshop: Planning) -> None:
    example = bookshop.example
    assert example is not None
    compile(example.code, example.path, "exec")
    assert example.path == "services/catalog/book.py"
    assert "draft.isbn != current.isbn" in example.code
    compile(example.test, example.test_path, "exec")
    assert example.test_path == "tests/unit/test_book.py"


def test_who_wants_no_code_in_documents_gets_none() -> None:
    assert planning(code_examples=False).example is None


def calls(size: int) -> int:
    """How many functions it takes to tell what so many services, each delivery of the one before, are."""
    services = [
        {
            "name": f"stage_{it}",
            "responsibility": f"stage{it}",
            "publishes": [f"item_{it}.stored on create Item{it}"],
            "subscribes": [f"on item_{it - 1}.stored: create Item{it}(label: label)"] if it > 1 else [],
        }
        for it in range(1, size + 1)
    ]
    entities = [f"stage_{it}.Item{it}(label: str)" for it in range(1, size + 1)]
    given = {"project_name": "Chain", "concept": "items pass", "services": services, "data_entities": entities}
    with cProfile.Profile() as profile:
        made = generation.build(given, REAL).planning
        assert all(it.settings for it in made.specifications)
        assert made.gaps
    return sum(it.callcount for it in profile.getstats())


def test_twice_as_many_services_are_about_twice_the_work() -> None:
    assert calls(60) < 2.5 * calls(30)
