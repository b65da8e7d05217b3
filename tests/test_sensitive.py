"""Fields with sensitive data: projects that have them are whole, whichever way they keep and send things."""

from __future__ import annotations

import pytest

from copies import Generate
from projects import check_whole, check_whole_and_in_step, need_postgres
from samples import sampled

CARE: dict[str, object] = {
    "project_name": "Care",
    "concept": "A practice keeps its patients, writes them letters and bills, and knows where each copy of them is.",
    "architecture_style": "services",
    "services": [
        {
            "name": "patients",
            "responsibility": "keeps patients",
            "publishes": [
                "patient.moved(name, home) on update Patient because the post needs the address",
                "patient.registered on create Patient",
            ],
        },
        {
            "name": "letters",
            "responsibility": "writes letters",
            "depends_on": ["patients"],
            "subscribes": ["on patient.moved: create Letter(patient: id, recipient: name)"],
        },
        {
            "name": "billing",
            "responsibility": "writes bills",
            "depends_on": ["patients"],
            "subscribes": ["on patient.registered: create Bill(patient: id, level: level)"],
        },
        {"name": "visits", "responsibility": "keeps visits", "subscribes": ["keep Patient"]},
    ],
    "data_entities": [
        "value Address(street: str pii, city: str)",
        "value Diagnosis(code: str health, found: date?)",
        "patients.Patient(name: str pii, email: email unique pii, pin: str secret, tax_id: str secret pii, "
        "home: Address, diagnoses: list[Diagnosis], iban: str? financial, blood: A|B|AB health = A, level: int = 1)",
        "letters.Letter(patient: Patient, recipient: str pii, text: text? health, tone: nice|stern = nice)",
        "private billing.Bill(patient: Patient, level: int = 1, payer: str? pii, "
        "amount: money(EUR 0..1000)? financial)",
        "visits.Visit(patient: Patient, mood: good|bad? health system)",
    ],
    "data_sensitivity": ["pii", "health", "financial", "credentials"],
}

WORKFLOW = (
    "admission on create Patient: Letter(patient: id, recipient: name); done: level = 2; undone: level = 3; "
    "because the letter names the patient"
)


@pytest.mark.parametrize(
    "chosen",
    sampled(
        [
            {"storage_kind": "sqlite", "workflows": [WORKFLOW]},
            {"storage_kind": "files", "topology": "gateway"},
            {"storage_kind": "postgres", "architecture_style": "modular_monolith"},
        ],
        1,
    ),
    ids=lambda it: str(it["storage_kind"]),
)
def test_a_project_keeps_what_is_sensitive_to_itself(generate: Generate, chosen: dict[str, object]) -> None:
    if chosen["storage_kind"] == "postgres":
        need_postgres()
    project = generate(CARE | chosen)
    check_whole_and_in_step(project)


@pytest.mark.parametrize(
    "entity", ["private core.Note(author: str pii)", "core.Note(text: str, author: str? pii system)"]
)
def test_where_callers_send_nothing_sensitive_there_is_no_idle_test(generate: Generate, entity: str) -> None:
    check_whole(generate({"project_name": "Notes", "concept": "Keeps notes.", "data_entities": [entity]}))
