"""Every service lives, is ready, and explains what goes wrong."""

from __future__ import annotations

import pytest

from tests.fixtures.facts import SERVICES
from tests.fixtures.system import System

pytestmark = pytest.mark.parametrize("service", SERVICES)


async def test_a_service_is_live_and_ready(system: System, service: str) -> None:
    async with system.client(service) as client:
        assert (await client.get("/health/live")).json() == {"status": "live"}
        assert (await client.get("/health/ready")).json() == {"status": "ready"}


async def test_a_service_without_its_database_is_not_ready(
    system: System, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(system.runtime(service).database, "ping", fail)
    async with system.client(service) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_unexpected_error_is_a_problem_without_its_details(
    system: System, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("the secret")

    monkeypatch.setattr(system.runtime(service).database, "ping", fail)
    async with system.client(service) as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["title"]) == (500, "Internal Server Error")
    assert "the secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"] != ""


async def test_the_request_id_is_kept(system: System, service: str) -> None:
    async with system.client(service) as client:
        answer = await client.get("/nowhere", headers={"X-Request-ID": "mine-1"})
    assert answer.headers["X-Request-ID"] == "mine-1"
    assert answer.json()["request_id"] == "mine-1"
