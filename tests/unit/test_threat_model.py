"""Threats follow from what the answers say: each boundary has its own, and what nothing answers is open."""

from __future__ import annotations

from typing import Any

import pytest

from groundplan import catalogue, generation
from groundplan.planning.threat_model import OPEN
from projects import REPOSITORY

REAL = catalogue.load(REPOSITORY / "decisions")
SHOP: dict[str, Any] = {
    "project_name": "Shop",
    "services": [{"name": "orders", "responsibility": "takes orders"}],
    "data_entities": ["orders.Order(words: str)"],
}


def threats(changes: dict[str, Any] | None = None) -> dict[str, dict[str, tuple[str, str]]]:
    """By boundary and category: what answers the threat, and what shows it."""
    planning = generation.build(SHOP | (changes or {}), REAL).planning
    return {
        name: {category: (answer, shown) for category, _, answer, shown in table.rows}
        for name, _, table in planning.threat_model.boundaries
    }


def test_a_boundary_is_there_where_something_crosses_it() -> None:
    assert [*threats()] == ["Callers and services", "Services and what they keep"]
    apis = {"external_apis": [{"name": "sms", "purpose": "sends", "used_by": ["orders"]}]}
    assert "Services and external APIs" in threats(apis)
    events = {
        "services": [
            {"name": "orders", "responsibility": "takes orders", "publishes": ["order.placed on create Order"]},
            {"name": "post", "exposure": "internal", "subscribes": ["on order.placed: create Parcel(words: words)"]},
        ],
        "data_entities": ["orders.Order(words: str)", "post.Parcel(words: str)"],
    }
    assert "Elevation of privilege" in threats(events)["Service and service"]


@pytest.mark.parametrize(
    ("changes", "category", "answered"),
    [
        ({}, "Denial of service, by volume", False),
        ({"topology": "gateway"}, "Denial of service, by volume", True),
        ({}, "Information disclosure", True),
        ({"data_entities": [], "services": ["orders: takes orders"]}, "Information disclosure", False),
        ({"api_auth": "none"}, "Information disclosure", True),
    ],
)
def test_what_answers_a_threat_depends_on_the_answers(changes: dict[str, Any], category: str, answered: bool) -> None:
    answer, _ = threats(changes)["Callers and services"].get(category, (OPEN, OPEN))
    assert (answer != OPEN) == answered


@pytest.mark.parametrize(("encryption", "shown"), [("tls", False), ("tls_and_disk", True)])
def test_only_encrypted_disks_answer_who_takes_one(encryption: str, shown: bool) -> None:
    found = threats({"encryption": encryption, "deploy_target": "vm"})["Services and what they keep"]
    assert (found["Information disclosure"][1] != OPEN) == shown


@pytest.mark.parametrize(
    ("changes", "answered"),
    [
        ({"service_auth": "signed_tokens"}, True),
        ({"service_auth": "service_key"}, False),
        ({"service_auth": "network", "architecture_style": "services", "topology": "gateway"}, False),
        ({"service_auth": "signed_tokens", "delivery": "rabbitmq"}, False),
    ],
)
def test_an_event_is_known_to_come_from_its_publisher_where_the_sender_is(
    changes: dict[str, Any], answered: bool
) -> None:
    events = {
        "services": [
            {"name": "orders", "responsibility": "takes orders", "publishes": ["order.placed on create Order"]},
            {"name": "post", "exposure": "internal", "subscribes": ["on order.placed: create Parcel(words: words)"]},
        ],
        "data_entities": ["orders.Order(words: str)", "post.Parcel(words: str)"],
    }
    found = threats(events | changes)["Service and service"]
    assert (found["Spoofing, of events"][0] != OPEN) is answered
    unproved = changes["service_auth"] == "network"
    assert found.get("Spoofing, from inside") == ((OPEN, OPEN) if unproved else None)


@pytest.mark.parametrize("encrypted", [True, False])
def test_encrypted_fields_answer_who_may_read_a_database(encrypted: bool) -> None:
    encryption = "fields" if encrypted else "tls_and_disk"
    given = {"encryption": encryption, "data_entities": ["Order(note: text pii)"], "services": ["orders: takes orders"]}
    found = threats(given)["Services and what they keep"]
    assert ("Information disclosure, by those who run it" in found) is encrypted
    assert ("Tampering, of values" in found) is encrypted
    assert found["Information disclosure"][1] != OPEN


@pytest.mark.parametrize("api_auth", ["accounts", "session", "api_key"])
def test_who_has_accounts_of_its_own_answers_for_them(api_auth: str) -> None:
    built = generation.build(SHOP | {"api_auth": api_auth}, REAL)
    ((_, _, table), *_) = built.planning.threat_model.boundaries
    of_accounts = {
        "Spoofing, by guesses",
        "Information disclosure, of accounts",
        "Denial of service, to an owner",
        "Spoofing, by theft",
        "Spoofing, by fixation",
        "Tampering, by other sites",
    }
    rows = [row for row in table.rows if row[0] in of_accounts]
    assert {row[0] for row in rows} == (set() if api_auth == "api_key" else of_accounts)
    tests = {it.target for it in built.project.modules}
    assert all(row[3].rpartition("../")[2].rstrip(")") in tests for row in rows)


AUDITED = {"personas": ["Auditor: looks"], "audit": ["Order: read Auditor"]}


@pytest.mark.parametrize(("storage", "sealed"), [("sqlite", True), ("postgres", True), ("files", False)])
def test_who_denies_a_change_is_answered_by_what_is_on_record(storage: str, sealed: bool) -> None:
    found = threats(AUDITED | {"storage_kind": storage})
    assert found["Callers and services"]["Repudiation, of changes"][1].endswith(
        "(../tests/integration/test_history.py)"
    )
    answer, shown = found["Services and what they keep"]["Repudiation"]
    assert (answer != OPEN, shown != OPEN) == (sealed, sealed)
    for of_boundary in threats({"storage_kind": storage}).values():
        assert not any("on record" in answer for answer, _ in of_boundary.values())


def test_what_is_old_is_answered_by_retention() -> None:
    name = "Information disclosure, of what is old"
    found = threats({"retention": ["Order: delete 1 year after created_at"]})["Services and what they keep"]
    assert found[name] == (
        "retention: `Order` is deleted 1 year after created_at",
        "[test_retention.py](../tests/integration/test_retention.py)",
    )
    assert name not in threats()["Services and what they keep"]


def test_who_asks_to_be_forgotten_is_answered_by_the_command() -> None:
    name = "Information disclosure, of who asked to be forgotten"
    found = threats({"person": ["Order: delete"]})["Services and what they keep"]
    assert found[name] == (
        "the command `person erase`: `Order` is deleted",
        "[test_person.py](../tests/integration/test_person.py)",
    )
    assert name not in threats()["Services and what they keep"]


def test_backups_are_shown_by_a_trial_of_a_restore() -> None:
    assert threats()["Services and what they keep"]["Denial of service"] == (OPEN, OPEN)
    backup = {"backup_recovery": {"rpo": "1 day", "method": "a copy", "restore_test_every": "month"}}
    kept = threats(backup)["Services and what they keep"]
    assert kept["Denial of service"] == ("a copy", "a restore is tried every month")


def test_stores_with_sensitive_data_say_who_is_told() -> None:
    care = {
        "services": [
            {
                "name": "patients",
                "publishes": ["patient.moved(name) on update Patient because the post needs it"],
            },
            {
                "name": "post",
                "depends_on": ["patients"],
                "subscribes": ["on patient.moved: create Letter(patient: id, to: name)"],
            },
        ],
        "data_entities": [
            "patients.Patient(name: str pii, notes: text health pii, pin: str secret)",
            "patients.Room(number: int)",
            "post.Letter(patient: Patient, to: str pii)",
        ],
    }
    model = generation.build(SHOP | care, REAL).planning.threat_model
    assert model.sensitive_stores.rows == (
        (
            "`patients`",
            "`Patient`",
            "`name` (pii), `notes` (pii, health), `pin` (credentials)",
            "`post`: `name` by `patient.moved`, because the post needs it; "
            "`post`: in answers to calls, of which nothing is stored",
        ),
        ("`post`", "`Letter`", "`to` (pii)", "none"),
    )
    test = "[test_sensitive.py](../tests/integration/test_sensitive.py)"
    assert threats(care)["Services and what they keep"]["Information disclosure, in logs"] == (
        "no text about a record has such a field",
        test,
    )
    assert threats(care)["Service and service"]["Information disclosure, by copies"] == (
        "nothing carries any but `patient.moved` and answers to calls",
        test,
    )
    assert not generation.build(SHOP, REAL).planning.threat_model.sensitive_stores


def test_an_event_without_subscribers_tells_nobody_so_far() -> None:
    patients = {
        "name": "patients",
        "publishes": ["patient.moved(name) on update Patient because the post needs it"],
    }
    answers = SHOP | {"services": [patients], "data_entities": ["patients.Patient(name: str pii)"]}
    [row] = generation.build(answers, REAL).planning.threat_model.sensitive_stores.rows
    assert row[-1] == "nobody so far: `name` by `patient.moved`, because the post needs it"


@pytest.mark.parametrize(
    ("entity", "shown"),
    [
        ("orders.Order(words: str, note: str? pii system)", OPEN),
        ("orders.Order(words: str secret)", "[test_secrets.py](../tests/integration/test_secrets.py)"),
    ],
)
def test_what_callers_do_not_send_is_shown_by_no_test(entity: str, shown: str) -> None:
    found = threats({"data_entities": [entity]})["Services and what they keep"]
    assert found["Information disclosure, in logs"][1] == shown


CALLING: dict[str, object] = {
    "services": [
        {"name": "orders", "responsibility": "takes orders", "depends_on": ["stock"]},
        {"name": "stock", "responsibility": "keeps things"},
    ],
    "data_entities": ["stock.Thing(label: str)", "orders.Order(thing: Thing)"],
    "architecture_style": "services",
}


@pytest.mark.parametrize(("option", "answered"), [("signed_tokens", "encryption"), ("mutual_tls", "service_auth")])
def test_certificates_of_processes_keep_calls_from_being_changed(option: str, answered: str) -> None:
    answer, _ = threats(CALLING | {"service_auth": option})["Service and service"]["Tampering"]
    assert answered in answer


def test_tokens_of_users_are_for_one_receiver_and_carry_the_rights_of_the_user() -> None:
    passed_on = {"service_auth": "user_token", "api_auth": "oidc", "topology": "direct"}
    found = threats(CALLING | passed_on)["Service and service"]
    assert "each token is for one receiver" in found["Spoofing, by replay"][0]
    assert "has the user's rights" in found["Elevation of privilege, by a confused deputy"][0]
    usual = threats(CALLING)["Service and service"]
    assert not {it for it in usual if "replay" in it or "deputy" in it}
