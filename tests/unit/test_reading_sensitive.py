"""Which kinds of sensitive data a field holds, and where such data may go: nowhere, unless an answer says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from groundplan.domain import Entity, Product, ReadCopy
from groundplan.reading import problems, read

ADDRESS = "value Address(street: str pii, city: str)"
PATIENT = (
    "patients.Patient(name: str pii, home: Address, notes: list[str]? health pii, iban: str secret financial, "
    "pin: str secret, level: int = 1)"
)
LETTER = "letters.Letter(recipient: str pii, level: int = 0)"


def answers(
    *entities: object, publishes: Sequence[object] = (), subscribes: Sequence[object] = (), **more: object
) -> Mapping[str, object]:
    services = [
        {"name": "patients", "responsibility": "keeps patients", "publishes": list(publishes)},
        {"name": "letters", "responsibility": "writes letters", "subscribes": list(subscribes)},
    ]
    known = {"project_name": "Care", "concept": "Cares.", "services": services}
    return known | {"data_entities": [ADDRESS, *(entities or (PATIENT, LETTER))]} | more


def clinic(*entities: object, **more: Sequence[object]) -> Product:
    return read(answers(*entities, **more))


def faults(*entities: object, **more: Sequence[object]) -> list[str]:
    return [str(it) for it in problems(answers(*entities, **more))]


def kinds(entity: Entity) -> dict[str, tuple[str, ...]]:
    return {it.name: it.kinds for it in entity.fields if it.kinds}


def test_a_field_says_what_it_holds() -> None:
    patient = clinic().entities["Patient"]
    assert kinds(patient) == {
        "name": ("pii",),
        "home": ("pii",),  # a part of it is
        "notes": ("pii", "health"),
        "iban": ("financial",),
        "pin": ("credentials",),
    }
    assert [it.name for it in patient.shown] == ["name", "home", "notes", "level"]
    assert [it.name for it in patient.carried] == ["level"]
    assert str(patient.fields[2]) == "notes: list[str]? pii health"
    assert str(patient.fields[3]) == "iban: str secret financial"


@pytest.mark.parametrize(
    ("sensitive", "found"),
    [("pii", {"name": ("pii",)}), (["health", "pii"], {"name": ("pii", "health")}), (None, {})],
)
def test_a_field_in_full_says_it_by_a_key(sensitive: object, found: dict[str, tuple[str, ...]]) -> None:
    field = {"type": "str", "sensitive": sensitive}
    full = {"name": "Patient", "owner": "patients", "fields": {"name": field}}
    assert kinds(clinic(full).entities["Patient"]) == found


@pytest.mark.parametrize(
    ("sensitive", "message"),
    [
        ("credentials", "is credentials, which nobody else may see. Fix: write 'secret: true' instead."),
        (
            "private",
            "'private' is not one of pii, financial, health, children, other. "
            "Fix: choose pii, financial, health, children or other.",
        ),
    ],
)
def test_a_key_with_something_else(sensitive: str, message: str) -> None:
    field = {"type": "str", "sensitive": sensitive}
    full = {"name": "Patient", "owner": "patients", "fields": {"name": field}}
    assert faults(full) == [f"data_entities[1].fields.name.sensitive: {message}"]


def test_an_event_has_what_is_not_sensitive() -> None:
    product = clinic(publishes=["patient.added on create Patient"], subscribes=["keep Patient"])
    assert {name: [it.name for it in event.fields] for name, event in product.events.items()} == {
        "patient.added": ["level"],
        "patient.saved": ["level"],
        "patient.removed": ["level"],
    }
    letters, patient = product.by_name["letters"], product.entities["Patient"]
    assert [it.name for it in product.fields_known_to(letters, patient)] == ["level"]


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("patient.added on create Patient because the post needs it", ["name", "home", "notes", "level"]),
        ("patient.added(name) on create Patient because: the post needs it", ["name"]),
        ("patient.added(name, level) on create Patient because 'the post needs it'", ["name", "level"]),
        (
            {"name": "patient.added", "operations": ["create"], "entity": "Patient", "because": "the post needs it"},
            ["name", "home", "notes", "level"],
        ),
    ],
)
def test_an_event_says_why_it_has_more(event: object, fields: list[str]) -> None:
    found = clinic(publishes=[event]).events["patient.added"]
    assert ([it.name for it in found.fields], found.because) == (fields, "the post needs it")


@pytest.mark.parametrize(
    "copy", ["keep Patient because letters name her", {"keep": "Patient", "because": "letters name her"}]
)
def test_a_copy_says_why_it_has_more(copy: object) -> None:
    product = clinic(subscribes=[copy])
    letters, patient = product.by_name["letters"], product.entities["Patient"]
    assert letters.copies == (ReadCopy("Patient", "patients", "letters name her"),)
    assert product.events["patient.saved"].fields == product.fields_known_to(letters, patient) == patient.shown


REACTION = "on patient.added: create Letter(recipient: name)"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            "patient.added(name) on create Patient",
            "carries 'name', which is pii. "
            "Fix: leave it out, or say why: 'patient.added(...) on ... Patient because ...'.",
        ),
        (
            "patient.added(notes, level) on create Patient",
            "carries 'notes', which is pii and health. "
            "Fix: leave it out, or say why: 'patient.added(...) on ... Patient because ...'.",
        ),
        (
            "patient.added(pin) on create Patient because the post needs it",
            "carries 'pin', which is secret. Fix: leave it out.",
        ),
        (
            "patient.added(level) on create Patient because the post needs it",
            "event 'patient.added' says why it carries sensitive data, and carries none. "
            "Fix: leave out 'because', or mark the fields that are sensitive in data_entities.",
        ),
    ],
)
def test_a_fault_in_an_event(event: str, message: str) -> None:
    assert faults(publishes=[event])[0] == f"services[0].publishes[0]: {message}"


def test_a_reaction_takes_what_the_event_may_carry() -> None:
    explained = "patient.added(name) on create Patient because letters name her"
    assert faults(publishes=[explained], subscribes=[REACTION]) == []
    assert faults(publishes=["patient.added on create Patient"], subscribes=[REACTION]) == [
        "services[1].subscribes[0]: fills 'recipient' from 'name', which is pii and not told to other services. "
        "Fix: say why it is: end 'patient.added' with 'because ...'."
    ]


def test_what_is_sensitive_stays_so() -> None:
    unmarked = (PATIENT, LETTER.replace(" pii", ""))
    explained = "patient.added(name) on create Patient because letters name her"
    assert faults(*unmarked, publishes=[explained], subscribes=[REACTION]) == [
        "services[1].subscribes[0]: fills 'recipient' from 'name', which is pii. "
        "Fix: mark 'recipient' in data_entities: 'recipient: str pii'."
    ]


def test_each_copy_says_why_where_one_does() -> None:
    services = [
        {"name": "patients", "responsibility": "keeps patients"},
        {"name": "letters", "responsibility": "writes letters", "subscribes": ["keep Patient because she is named"]},
        {"name": "bills", "responsibility": "writes bills", "subscribes": ["keep Patient"]},
    ]
    assert [str(it) for it in problems(dict(answers()) | {"services": services})] == [
        "services[2].subscribes[0]: keeps Patient without a reason, and is sent its sensitive data, which another copy "
        "has. Fix: say why here, too: 'keep Patient because ...', or take the reason away there."
    ]


def test_a_copy_of_nothing_sensitive_needs_no_reason() -> None:
    found = faults("patients.Patient(level: int)", subscribes=["keep Patient because letters name her"])
    assert found == [
        "services[1].subscribes[0]: the copy of Patient says why it carries sensitive data, and carries none. "
        "Fix: leave out 'because', or mark the fields that are sensitive in data_entities."
    ]


WORKFLOW = "admission on create Patient: Letter(recipient: name); done: level = 2; undone: level = 3"


def test_the_steps_of_a_workflow_are_told_what_a_reason_is_given_for() -> None:
    (workflow,) = clinic(workflows=[f"{WORKFLOW}; because letters name her"]).workflows
    assert workflow.because == "letters name her"
    (workflow,) = clinic(workflows=[f"{WORKFLOW}; timeout: 30; because letters name her"]).workflows
    assert (workflow.step_timeout_s, workflow.because) == (30, "letters name her")
    assert faults(workflows=[WORKFLOW]) == [
        "workflows[0]: fills 'recipient' from 'name', which is pii and not told to other services. "
        "Fix: say why it is: end the workflow with '; because ...'."
    ]
    idle = WORKFLOW.replace("recipient: name", "recipient: 'her'")
    assert faults(workflows=[f"{idle}; because letters name her"]) == [
        "workflows[0]: workflow 'admission' says why its steps are told sensitive data, and they are told none. "
        "Fix: leave out 'because'."
    ]


def test_the_last_clause_of_a_workflow() -> None:
    (fault,) = faults(workflows=[f"{WORKFLOW}; hurry"])
    assert fault.startswith("workflows[0]: needs the word 'timeout' or 'because' at 'hurry'.")
