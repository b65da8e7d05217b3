"""Prometheus, and nobody else, sees what is asked of a service and what waits in it."""

from __future__ import annotations

from dataclasses import replace

import httpx2
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from services.common.clients import Client
from services.common.messaging import outbox
from services.common.monitoring import Numbers
from services.common.utils import now
from tests.fixtures import callers
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import AS_SERVICE, System

pytestmark = pytest.mark.parametrize("service", SERVICES)


async def numbers(system: System, service: str) -> dict[tuple[str, ...], float]:
    """What Prometheus reads: by name and the values of the labels."""
    key = system.apps[service].state.settings.metrics_key.get_secret_value()
    async with system.client(service, {"Authorization": f"Bearer {key}"}) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_nobody_else_sees_the_numbers(system: System, service: str) -> None:
    wrong, other_scheme = {"Authorization": "Bearer another"}, {"Authorization": "Basic dW51c2Vk"}
    for credentials in ({}, wrong, other_scheme, AS_SERVICE, callers.credentials()):
        async with system.client(service, credentials) as client:
            answer = await client.get("/metrics")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_requests_are_counted_by_route_and_status(system: System, service: str) -> None:
    counted = ("http_request_duration_seconds_count", "GET", "/health/live", "200")
    before = (await numbers(system, service)).get(counted, 0)
    async with system.client(service) as client:
        for _ in range(3):
            await client.get("/health/live")
    after = await numbers(system, service)
    assert after[counted] == before + 3
    assert after[("http_request_duration_seconds_sum", *counted[1:])] > 0
    assert after[("http_requests_in_flight",)] == 1  # the one that asks


async def test_callers_cannot_make_up_series(system: System, service: str) -> None:
    async with system.client(service) as client:
        for number in range(5):
            await client.get(f"/nowhere/{number}")
            await client.request(f"MADE-UP-{number}", "/nowhere")
    after = await numbers(system, service)
    made_up = {key[1:3] for key in after if key[0].endswith("_count") and key[-1] == "404"}
    assert {("GET", "unknown"), ("other", "unknown")} <= made_up
    assert not any("nowhere" in part or "MADE-UP" in part for key in after for part in key)


async def test_an_unexpected_error_is_counted(
    system: System, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("unexpected")

    monkeypatch.setattr(system.runtime(service).database, "ping", fail)
    async with system.client(service) as client:
        await client.get("/health/ready")
    counted = ("http_request_duration_seconds_count", "GET", "/health/ready", "500")
    assert (await numbers(system, service))[counted] >= 1


async def test_what_waits_and_what_was_refused_is_told(system: System, service: str) -> None:
    row = {"subscriber": "somebody", "event": {}, "due_at": now()}
    rows = [row | {"rejected": rejected} for rejected in (None, None, "no")]
    mine = outbox.c.subscriber == "somebody"
    async with system.runtime(service).database.write() as connection:
        await connection.execute(sa.insert(outbox), rows)
    told = await numbers(system, service)
    async with system.runtime(service).database.write() as connection:
        await connection.execute(sa.delete(outbox).where(mine))
    assert told[("outbox_events_waiting", "somebody")] == 2
    assert told[("outbox_events_rejected", "somebody")] == 1
    assert ("outbox_events_waiting", "somebody") not in await numbers(system, service)


async def test_a_database_that_is_away_is_a_number(
    system: System, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("gone")

    assert (await numbers(system, service))[("database_up",)] == 1
    monkeypatch.setattr(system.runtime(service).database, "read", fail)
    assert (await numbers(system, service))[("database_up",)] == 0


async def test_a_neighbour_whose_calls_are_not_sent_is_told(system: System, service: str) -> None:
    class Open:
        is_open = True

    async with httpx2.AsyncClient() as http:
        client = Client("it", http, 1.0)
        client.breaker = Open()  # type: ignore[assignment]
        watched = Numbers()
        await watched.look(replace(system.runtime(service), clients={"it": client}))
    suspended = watched.registry.get_sample_value("neighbour_calls_suspended", {"neighbour": "it"})
    assert suspended == 1
