"""Every service lives, is ready, and explains what goes wrong."""

from __future__ import annotations

import re
from typing import Any

import pytest
import structlog

from services.common.errors import ServiceUnavailable
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
        raise ServiceUnavailable("gone")

    monkeypatch.setattr(system.runtime(service).database, "ping", fail)
    async with system.client(service) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert f"The database of {service} is unavailable" in answer.json()["detail"]


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


@pytest.mark.parametrize("foreign", ["", "x" * 65, "mine\n", "mine\nforged", "mine forged"])
async def test_a_request_id_that_could_forge_a_log_line_is_replaced(
    system: System, service: str, foreign: str
) -> None:
    async with system.client(service) as client:
        answer = await client.get("/nowhere", headers={"X-Request-ID": foreign})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


async def test_a_problem_says_what_went_wrong_and_where(system: System, service: str) -> None:
    async with system.client(service) as client:
        answer = await client.get("/nowhere")
    told = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (told["type"], told["title"], told["status"]) == ("about:blank", "Not Found", 404)
    assert (told["instance"], told["request_id"]) == ("/nowhere", answer.headers["X-Request-ID"])
    assert "errors" not in told  # nothing is wrong with a field


async def test_what_a_request_causes_is_logged_with_its_id_and_service(
    system: System, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: dict[str, Any] = {}

    async def look(*_: object) -> None:
        known.update(structlog.contextvars.get_contextvars())

    monkeypatch.setattr(system.runtime(service).database, "ping", look)
    async with system.client(service) as client:
        await client.get("/health/ready", headers={"X-Request-ID": "mine-1"})
    assert (known["request_id"], known["service"]) == ("mine-1", service)
