"""Every service lives, is ready, keeps the tables that its migrations make, and explains what goes wrong."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from services.common import base, messaging
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


async def test_a_service_whose_database_was_not_migrated_is_not_ready(
    system: System, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "outbox", sa.table("not_there", sa.column("id")))
    async with system.client(service) as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


async def test_the_request_id_is_kept(system: System, service: str) -> None:
    async with system.client(service) as client:
        answer = await client.get("/nowhere", headers={"X-Request-ID": "mine-1"})
    assert answer.headers["X-Request-ID"] == "mine-1"
    assert answer.json()["request_id"] == "mine-1"


async def test_migrations_lead_to_the_tables_of_the_code(system: System, service: str) -> None:
    wanted = sa.MetaData()
    tables = importlib.import_module(f"services.{service}.tables")
    for metadata in (messaging.metadata, tables.metadata):
        for table in metadata.tables.values():
            table.to_metadata(wanted)

    def differences(connection: sa.Connection) -> list[Any]:
        found: list[Any] = compare_metadata(MigrationContext.configure(connection), wanted)
        kept = ("_retired_", "alembic_version")
        return [it for it in found if not any(name in str(it) for name in kept)]

    async with system.runtime(service).database.read() as connection:
        assert await connection.run_sync(differences) == []
