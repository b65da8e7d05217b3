"""A relay goes on until its service stops, whatever becomes of a delivery."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from services.common.db.database import Database
from services.common.errors import ServiceUnavailable
from services.common.messaging import relay as relays
from services.common.messaging.relay import Relay
from tests.fixtures.facts import DATABASES
from tests.fixtures.system import System


class Failing(Relay):
    """Delivers nothing the first times, and everything the next."""

    def __init__(self, database: Database, *errors: Exception) -> None:
        super().__init__(database, "somebody", poll_s=0.001)
        self.errors = [*errors]
        self.delivered = asyncio.Event()

    async def drain(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.delivered.set()


@pytest.mark.parametrize("error", [ServiceUnavailable("gone"), RuntimeError("unexpected")])
async def test_a_delivery_that_failed_is_tried_again(system: System, error: Exception) -> None:
    relay = Failing(system.runtime(DATABASES[0]).database, error)
    async with asyncio.timeout(5), relay.lifespan():
        await relay.delivered.wait()


async def test_pauses_grow_while_deliveries_fail_and_are_logged(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "MAX_PAUSE_S", 0.003)
    errors = [RuntimeError("gone"), RuntimeError("gone"), RuntimeError("gone for good")]
    relay = Failing(system.runtime(DATABASES[0]).database, *errors)
    with capture_logs() as lines:
        async with asyncio.timeout(5), relay.lifespan():
            await relay.delivered.wait()
    assert {(it["event"], it["to"], it["log_level"]) for it in lines} == {
        ("delivery_failed", "somebody", "warning")
    }
    assert [it["retry_s"] for it in lines] == [0.002, 0.003, 0.003]
    assert lines[-1]["error"] == "RuntimeError('gone for good')"


async def test_after_a_delivery_the_next_poll_comes_as_usual(system: System) -> None:
    relay = Failing(system.runtime(DATABASES[0]).database)
    async with asyncio.timeout(5), relay.lifespan():
        for _ in range(2):
            await relay.delivered.wait()
            relay.delivered.clear()
