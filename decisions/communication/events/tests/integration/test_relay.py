"""A relay goes on until its service stops, whatever becomes of a delivery."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from services.common.errors import ServiceUnavailable
from services.common.messaging import polling
from services.common.messaging.relay import Relay
from services.common.runtime import Runtime
from tests.fixtures.facts import DATABASES
from tests.fixtures.system import System


class Failing(Relay):
    """Delivers nothing the first times, and everything the next."""

    def __init__(self, runtime: Runtime, *errors: Exception) -> None:
        super().__init__(runtime, "somebody", 0.001, subscriber="somebody")
        self.errors = [*errors]
        self.delivered = asyncio.Event()

    async def drain(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.delivered.set()


@pytest.mark.parametrize("error", [ServiceUnavailable("gone"), RuntimeError("unexpected")])
async def test_a_delivery_that_failed_is_tried_again(system: System, error: Exception) -> None:
    relay = Failing(system.runtime(DATABASES[0]), error)
    async with asyncio.timeout(5), relay.lifespan():
        await relay.delivered.wait()


async def test_pauses_grow_while_deliveries_fail_and_are_logged(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "MAX_PAUSE_S", 0.003)
    errors = [RuntimeError("gone"), RuntimeError("gone"), RuntimeError("gone for good")]
    relay = Failing(system.runtime(DATABASES[0]), *errors)
    with capture_logs() as lines:
        async with asyncio.timeout(5), relay.lifespan():
            await relay.delivered.wait()
    told = {(it["event"], it["service"], it["subscriber"], it["log_level"]) for it in lines}
    assert told == {("delivery_failed", DATABASES[0], "somebody", "warning")}
    assert [it["retry_s"] for it in lines] == [0.002, 0.003, 0.003]
    assert lines[-1]["error"] == "RuntimeError('gone for good')"


async def test_after_a_delivery_the_next_poll_comes_as_usual(system: System) -> None:
    relay = Failing(system.runtime(DATABASES[0]))
    async with asyncio.timeout(5), relay.lifespan():
        for _ in range(2):
            await relay.delivered.wait()
            relay.delivered.clear()
