"""Organisations that are kept apart are read in each form, and what would mix them is reported with its fix."""

from __future__ import annotations

import pytest

from groundplan import catalogue, generation, migrations
from groundplan.codegen.revisions import revisions
from groundplan.domain import TENANT_FIELD, Product
from groundplan.project import Project
from groundplan.reading import problems, read
from projects import REPOSITORY

REAL = catalogue.load(REPOSITORY / "decisions")
RECORDS = {"name": "records", "responsibility": "keeps", "publishes": ["patient.admitted on create Patient"]}
VISITS = {
    "name": "visits",
    "responsibility": "visits",
    "subscribes": ["on patient.admitted: create Visit(patient: id)"],
    "depends_on": ["records"],
}
SHOP: dict[str, object] = {
    "project_name": "Practice",
    "concept": "Keeps patients.",
    "personas": ["Doctor: treats"],
    "services": [RECORDS, VISITS],
    "data_entities": [
        "records.Patient(name: str, code: str unique, phone: str); unique(name, phone)",
        "records.Drug(name: str unique)",
        "visits.Visit(patient: uuid, drug: Drug?)",
    ],
}
HOSTILE: list[object] = [
    *(
        "'",
        "[",
        "{",
        "Clinic;",
        "Clinic; shared:",
        "Clinic; shared: Drug,",
        ";" * 9_000,
        "\\",
        "Clinic\nShop",
        "a: b: c",
    ),
    *(0, 1.5, [[]], [{}], [None], {"called": {}}, {"called": []}, {"called": None, "shared": None}, {None: None}),
    *({"called": "Clinic", "shared": {"Drug": 1}}, {"called": "Clinic", "shared": [[1]]}, {1: 2, 3: 4}),
]
"""What nobody would answer."""


def practice(tenants: object, **changes: object) -> Product:
    return read(SHOP | {"tenants": tenants} | changes)


def project(**changes: object) -> Project:
    answers = SHOP | {"architecture_style": "services", "tenants": "Clinic; shared: Drug"} | changes
    return generation.build(answers, REAL).project


def faults(tenants: object, **changes: object) -> list[str]:
    return [str(it) for it in problems(SHOP | {"tenants": tenants} | changes)]


@pytest.mark.parametrize(
    "answer",
    [
        "Clinic; shared: Drug",
        "  Clinic ;shared:Drug ",
        "'Clinic; shared: Drug'",
        {"Clinic; shared": "Drug"},
        {"called": "Clinic", "shared": ["Drug"]},
        {"called": "Clinic", "shared": "Drug"},
        {"assume": "Clinic; shared: Drug"},
        "assume: 'Clinic; shared: Drug'",
    ],
)
def test_it_has_many_forms(answer: object) -> None:
    product = practice(answer)
    assert product.tenants == "Clinic"
    assert {it.name for it in product.entities.values() if it.of_tenant} == {"Patient", "Visit"}


@pytest.mark.parametrize("answer", [None, {}, [], "", "tbd", "not needed: one practice has it", {"defer": "more, Ada"}])
def test_a_product_for_one_organisation_has_nothing_of_it(answer: object) -> None:
    product = practice(answer)
    assert product.tenants == ""
    assert not any(TENANT_FIELD in it.fields for it in product.entities.values())
    assert "tenants" not in product.traits


def test_callers_do_not_send_it_and_events_do_not_carry_it() -> None:
    product = practice("Clinic")
    patient = product.entities["Patient"]
    assert TENANT_FIELD not in patient.sent
    assert TENANT_FIELD not in product.events["patient.admitted"].fields
    assert "tenants" in product.traits


def test_what_is_unique_is_so_within_an_organisation() -> None:
    product = practice("Clinic; shared: Drug")
    assert product.entities["Patient"].uniques == (("tenant", "code"), ("tenant", "name", "phone"))
    assert product.entities["Drug"].uniques == (("name",),)


def test_rows_are_found_by_their_organisation() -> None:
    product = practice("Clinic; shared: Drug")
    assert product.entities["Visit"].indexes[-1] == ("tenant",)
    assert ("tenant",) not in product.entities["Patient"].indexes  # what is unique begins with it


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("Clinic; shared: Drugg", "Drugg"),
        ("Clinic; shard: Drug", "needs the word 'shared'"),
        ("Clinic; shared", "needs the name of an entity"),
        ("Clinic: Drug", "something left over"),
        ("; shared: Drug", "needs what one organisation is called"),
        ({"called": "Clinic", "shred": ["Drug"]}, "has the unknown key 'shred'"),
        ({"shared": ["Drug"]}, "has no called"),
        ({"called": 7}, "is a number, not text"),
        (["Clinic", "Shop"], "is a list, not text"),
        (True, "is yes or no, not text"),
        ("C" * 41, "by more than 40 characters"),
        ("Clinic; shared: Patient, Drug, Visit", "shares all records"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(answer: object, fault: str) -> None:
    (found,) = faults(answer)
    assert found.startswith("tenants")
    assert fault in found
    assert "Fix: " in found


@pytest.mark.parametrize("answer", HOSTILE, ids=lambda it: repr(it)[:30])
def test_no_input_raises_anything_else(answer: object) -> None:
    faults(answer)


def test_a_field_of_that_name_is_refused_where_it_would_be_hidden() -> None:
    entities = ["records.Patient(tenant: str)", "visits.Visit(patient: uuid)", "records.Drug(name: str)"]
    (found,) = faults("Clinic; shared: Drug", data_entities=entities)
    assert "keeps 'tenant' of each Patient" in found
    assert not faults("Clinic; shared: Patient", data_entities=[*entities[:1], entities[2]], services=[RECORDS])


def test_what_is_shared_refers_to_nothing_that_is_not() -> None:
    entities = ["records.Patient(name: str)", "records.Drug(first: Patient)", "visits.Visit(patient: uuid)"]
    (found,) = faults("Clinic; shared: Drug", data_entities=entities)
    assert "shares Drug, which refers to Patient" in found


@pytest.mark.parametrize("shared", ["Patient", "Visit"])
def test_an_event_makes_nothing_across_the_border(shared: str) -> None:
    found = faults(f"Clinic; shared: {shared}")
    assert any("lets the event patient.admitted of Patient make a Visit" in it for it in found)


def test_a_workflow_makes_nothing_across_the_border() -> None:
    entities = [
        "records.Patient(status: open|kept|lost = open)",
        "visits.Visit(patient: uuid)",
        "visits.Bed(place: int)",
    ]
    workflow = "stay on create Patient: Visit(patient: id); done: status = kept; undone: status = lost"
    changes = {"data_entities": entities, "workflows": [workflow]}
    services = [{"name": "records", "responsibility": "keeps"}, {"name": "visits", "responsibility": "visits"}]
    assert not faults("Clinic; shared: Bed", services=services, **changes)
    (found,) = faults("Clinic; shared: Visit", services=services, **changes)
    assert "shares Visit of the workflow 'stay', and not the rest of it" in found


def test_tenants_are_looked_up_only_where_something_is_done_for_each() -> None:
    cases = {"jobs": ["visits: look every 15 minutes"], "retention": ["Visit: delete 1 year after created_at"]}
    found = {name: project(**{name: answer}).looks_up_tenants for name, answer in cases.items()}
    assert found == {"jobs": True, "retention": True}
    assert not project().looks_up_tenants
    assert not project(tenants={}, jobs=cases["jobs"]).looks_up_tenants


def test_who_proves_nothing_belongs_to_no_organisation() -> None:
    found = faults("Clinic; shared: Drug", access=["Patient: read anyone", "Drug: read anyone"])
    (fault,) = found
    assert "keeps each Patient for one Clinic, and access lets anyone read" in fault


def test_data_of_one_person_are_not_looked_for_in_all_of_them() -> None:
    (fault,) = faults("Clinic; shared: Drug", person=["Patient: delete"])
    assert "keeps organisations apart, and the command that person asks for" in fault


def test_old_rows_are_given_to_one_and_taken_from_one_only() -> None:
    alone, apart = practice({}).by_name["records"], practice("Clinic; shared: Drug").by_name["records"]
    first = migrations.revise((), alone)
    there = migrations.revise(first, apart)
    assert there[-1][:3] == (
        "drop unique patients: code",
        "drop unique patients: name, phone",
        "add patients.tenant tenant",
    )
    assert "unique patients: tenant, code" in there[-1]
    back = migrations.revise(there, alone)
    assert "merge patients" in back[-1]
    assert migrations.revise(back, alone) == back
    again = migrations.revise(back, apart)
    assert "add patients.tenant tenant" in again[-1]


APART = "Clinic; shared: Drug"


def revised(*answers: tuple[object, list[str]], **changes: object) -> tuple[migrations.Revision, ...]:
    """The revisions of a service after these tenants and audits in turn."""
    done: tuple[migrations.Revision, ...] = ()
    for tenants, audit in answers:
        product = practice(tenants, audit=audit, **changes)
        service = product.by_name["records"]
        others, following = migrations.common_tables(product, service), migrations.followers(product, service)
        done = migrations.revise(done, service, others, following)
        assert migrations.revise(done, service, others, following) == done
    return done


OWNED = "assign record_history.tenant: entity Patient"


def test_what_is_on_record_belongs_to_whom_its_records_do() -> None:
    there = revised(({}, ["Patient", "Drug"]), (APART, ["Patient", "Drug"]))[-1]
    assert there[-2:] == ("add record_history.tenant tenant?", OWNED)
    assert OWNED not in revised(({}, []), (APART, ["Patient"]))[-1]
    assert OWNED not in revised((APART, ["Patient"]))[-1]
    later = revised(({}, ["Patient", "Drug"]), ({}, ["Drug"]), (APART, ["Drug"]), (APART, ["Patient", "Drug"]))
    assert [OWNED in it for it in later] == [False, False, False, True]
    anew = revised(({}, ["Patient"]), ({}, []), (APART, []), (APART, ["Patient"]))
    assert not any(OWNED in it for it in anew)


def test_what_is_on_record_asks_for_nobody_once_its_records_belong_to_none() -> None:
    back = revised(({}, ["Patient"]), (APART, ["Patient"]), ({}, ["Patient"]))
    assert f"was {OWNED}" in back[1]
    assert "merge record_history" in back[2]
    steps = [it for revision in revisions(back) for it in revision.steps if it.head == "steps.assign"]
    assert [it.arguments[-1] for it in steps] == ["asks=False"]


def test_an_old_workflow_belongs_to_whom_its_record_does() -> None:
    leads = {
        "services": [{"name": "records", "responsibility": "keeps"}, {"name": "visits", "responsibility": "visits"}],
        "data_entities": [
            "records.Patient(name: str, state: open|done|off = open)",
            "records.Drug(name: str)",
            "visits.Visit(patient: uuid)",
        ],
        "workflows": ["admission on create Patient: Visit(patient: id); done: state = done; undone: state = off"],
    }
    there = revised(({}, []), (APART, []), **leads)[-1]
    assert there[-2:] == ("add workflow.for_tenant tenant?", "assign workflow.for_tenant: workflow admission")


def test_a_seal_that_lets_redaction_through_is_made_anew_with_each_column() -> None:
    ending: dict[str, object] = {
        "data_entities": ["records.Patient(name: str pii)", "records.Drug(name: str)", "visits.Visit(patient: uuid)"],
        "retention": ["Patient: delete 1 day after created_at"],
    }
    there = revised(({}, ["Patient"]), (APART, ["Patient"]), **ending)
    assert there[0][-2:] == ("seal record_history", "redact record_history")
    assert there[1][-3:] == ("add record_history.tenant tenant?", "redact record_history", OWNED)


def test_going_back_asks_only_where_records_of_several_would_meet() -> None:
    on: tuple[object, list[str]] = (APART, ["Patient"])
    off: tuple[object, list[str]] = ({}, ["Patient"])

    def merges(*answers: tuple[object, list[str]]) -> list[str]:
        return [
            line for it in revised(*answers) for line in it if line.endswith(("merge patients", "merge record_history"))
        ]

    assert merges(on, off) == ["merge patients", "merge record_history"]
    assert merges(on, off, on) == ["was merge patients", "was merge record_history"]
    assert merges(on, off, on, off) == ["merge patients", "merge record_history"] * 2
    assert merges(on, off, ({}, [])) == ["merge patients", "was merge record_history"]
    assert merges(on, off, ({}, []), off) == ["merge patients", "was merge record_history"]
