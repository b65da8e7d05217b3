"""What `auto` proposes for eight products, from a personal tool to a bank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundplan import catalogue, generation, project
from groundplan.drivers import holding
from groundplan.planning.documents import Planning

CATALOGUE = catalogue.load(Path(__file__).parents[2] / "decisions")

ONE = {"services": ["notes: keeps notes"], "data_entities": ["notes.Note(body: text)"]}
TWO = {
    "services": [
        "rooms: keeps rooms",
        {"name": "bookings", "responsibility": "takes bookings", "depends_on": ["rooms"]},
    ],
    "data_entities": ["rooms.Room(name: str)", "bookings.Booking(room: Room, day: date)"],
}
THREE = {
    "services": [
        "accounts: keeps accounts",
        {
            "name": "payments",
            "responsibility": "moves money",
            "depends_on": ["accounts"],
            "publishes": ["payment.made on create Payment"],
        },
        {"name": "letters", "responsibility": "writes", "subscribes": ["on payment.made: create Letter(text: note)"]},
    ],
    "data_entities": [
        "accounts.Account(owner: str)",
        "payments.Payment(account: Account, note: str)",
        "letters.Letter(text: str)",
    ],
}
ON_CALL = {"monitoring_requirements": [{"signal": "A service is not ready", "threshold": "5 min", "notify": "on call"}]}
PROMISED = {"slos": ["Requests answered without a fault of ours: 99.9 percent"]}

NOTHING_CALLED = " consistency=nothing retry_strategy=nothing circuit_breaker=nothing"

PROFILES: dict[str, tuple[dict[str, Any], str]] = {
    "personal tool": (
        ONE | {"distribution": "personal", "deploy_target": "local", "team": {"size": 1}, "data_sensitivity": ["none"]},
        "modular_monolith nothing sqlite none shared none env_file none" + NOTHING_CALLED,
    ),
    "product of one person": (
        ONE
        | {
            "distribution": "public",
            "deploy_target": "vm",
            "team": {"size": 1},
            "interaction_channels": ["api", "web_ui"],
        },
        "modular_monolith nothing sqlite none shared threshold env_file tls" + NOTHING_CALLED,
    ),
    "internal tool": (
        TWO
        | ON_CALL
        | {"distribution": "internal", "deploy_target": "vm", "team": {"size": 3}, "data_sensitivity": ["none"]},
        "services nothing sqlite none process threshold env_file tls consistency=nothing",
    ),
    "API for partners": (
        THREE
        | ON_CALL
        | {"distribution": "partner", "deploy_target": "on_prem", "team": {"size": 4}, "data_sensitivity": ["other"]},
        "services http_outbox postgres choreography process threshold env_file tls communication=http_and_events",
    ),
    "public shop": (
        THREE
        | ON_CALL
        | {
            "distribution": "public",
            "deploy_target": "paas",
            "team": {"size": 5},
            "data_sensitivity": ["pii", "financial"],
        },
        "services http_outbox postgres choreography process threshold platform tls_and_disk"
        " communication=http_and_events topology=gateway api_auth=oidc service_auth=signed_tokens",
    ),
    "clinic": (
        TWO
        | {
            "distribution": "internal",
            "deploy_target": "on_prem",
            "team": {"size": 2},
            "data_sensitivity": ["health", "pii"],
        },
        "services nothing sqlite none process none platform tls_and_disk consistency=nothing api_auth=oidc",
    ),
    "platform on a cluster": (
        THREE
        | ON_CALL
        | PROMISED
        | {
            "distribution": "internal",
            "deploy_target": "kubernetes",
            "team": {"size": 9},
            "data_sensitivity": ["credentials"],
        },
        "services rabbitmq postgres choreography process symptom platform tls_and_disk"
        " communication=http_and_events topology=gateway api_auth=oidc service_auth=signed_tokens"
        " monitoring=prometheus",
    ),
    "bank": (
        THREE
        | ON_CALL
        | PROMISED
        | {
            "distribution": "public",
            "deploy_target": "kubernetes",
            "team": {"size": 20},
            "data_sensitivity": ["pii", "financial", "credentials"],
            "scale_expectations": {"peak_rps": 800, "instances": 6},
        },
        "services rabbitmq postgres choreography process symptom vault tls_and_disk"
        " communication=http_and_events topology=gateway api_auth=oidc service_auth=signed_tokens"
        " monitoring=prometheus"
        " failure_isolation=bulkheads",
    ),
}


DECISIONS = (
    "architecture_style",
    "delivery",
    "storage_kind",
    "coordination",
    "failure_isolation",
    "alerting",
    "secrets",
    "encryption",
)
"""The decisions for which each profile names an option, in the guide's order.

Where it says nothing of another one, as `monitoring=prometheus` would, that is the first of the decision's options.
"""


def built(name: str, **more: object) -> project.Project:
    return generation.build(
        {"project_name": "One of eight", "concept": "A profile."} | PROFILES[name][0] | more, CATALOGUE
    ).project


@pytest.mark.parametrize("name", PROFILES)
def test_proposes_what_the_answers_speak_for(name: str) -> None:
    proposed = {it.decision.id: it.option.name for it in built(name).decisions}
    words = PROFILES[name][1].split()
    first = {it.id: it.offered[0].name for it in CATALOGUE.decisions}
    named = zip(DECISIONS, words, strict=False)
    assert proposed == {**first, **dict(named), **dict(it.split("=") for it in words[len(DECISIONS) :])}


@pytest.mark.parametrize("name", PROFILES)
def test_what_is_proposed_is_a_proposal_until_somebody_takes_it(name: str) -> None:
    def status(project: project.Project) -> dict[str, str]:
        return {it.resolved.decision.id: it.status for it in Planning(project).records.all}

    assert set(status(built(name)).values()) == {"proposed"}
    storage = PROFILES[name][1].split()[2]
    assert status(built(name, storage_kind=storage))["storage_kind"] == "accepted"


@pytest.mark.parametrize("name", PROFILES)
def test_a_proposal_gives_way_to_what_somebody_takes(name: str) -> None:
    """What was proposed and recorded moves where it does not go with an option that somebody chose."""
    first = built(name)
    held = {driver.name for driver in holding(first.answers, first.product)}
    for decision in CATALOGUE.decisions:
        for option in decision.offered:
            of_calls = "calls_out" in (*decision.applies_when, *option.needs, *option.provides)
            if not held & set(option.conflicts) and (first.has("calls_out") or not of_calls):
                again = built(name, history=first.history.as_answer(), **{decision.id: option.name})
                assert again.decision(decision.id).option is option
