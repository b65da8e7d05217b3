"""Events arrive as requests of the other services, and wait where they cannot."""

from __future__ import annotations

import httpx2
import pytest

from services.common import boxes, messaging
from services.common.carrier import HttpRelay
from services.common.clients import Client
from services.common.consumers import Consumer
from services.common.envelopes import Envelope
from services.common.errors import Away
from services.common.utils import now
from tests.fixtures import callers, stored
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import NO_SUCH_ID, System

ENVELOPE = {
    "id": NO_SUCH_ID,
    "source": "/tests",
    "type": "nothing.happened",
    "subject": NO_SUCH_ID,
    "time": "2026-03-01T09:30:00Z",
    "sequence": 1,
    "data": {},
}

pytestmark = pytest.mark.parametrize("service", SERVICES)


@pytest.mark.parametrize("error", [ConnectionRefusedError("gone"), Away("gone")])
async def test_a_database_that_is_away_is_said_to_be(
    system: System, service: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Consumer, "handle", fail)
    async with system.as_service(service) as client:
        answer = await client.post("/internal/events", json=ENVELOPE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


async def test_an_event_that_comes_too_early_is_tried_again_for_a_while(
    system: System, service: str
) -> None:
    database = system.runtime(service).database
    refuse = httpx2.MockTransport(lambda _: httpx2.Response(409, text="there is no such record"))
    async with httpx2.AsyncClient(transport=refuse, base_url="http://test") as http:
        relay = HttpRelay(database, Client("nobody", http, 1.0), 1.0)
        for time in (now(), now() - messaging.PATIENCE):
            envelope = Envelope.model_validate(ENVELOPE | {"time": time})
            async with database.write() as connection:
                await boxes.publish(connection, envelope, ["nobody"])
        await relay.deliver()
    young, old = [why for name, _, why in await stored.waiting(database) if name == "nobody"]
    assert young is None
    assert old == "nobody answered 409: there is no such record"


async def test_callers_from_outside_cannot_send_events(system: System, service: str) -> None:
    async with system.client(service, callers.credentials()) as client:
        assert (await client.post("/internal/events", json={})).status_code == 401
