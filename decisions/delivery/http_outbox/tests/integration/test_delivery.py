"""Events arrive as requests of other services, and are retried where that helps."""

from __future__ import annotations

from dataclasses import replace

import httpx2
import pytest
from structlog.testing import capture_logs

from services.common.clients.client import Client
from services.common.errors import ServiceUnavailable
from services.common.messaging import outbox
from services.common.messaging.consumer import Consumer
from services.common.messaging.envelope import Envelope
from services.common.messaging.transport import RETRY_REJECTED_FOR, TIMEOUT_S, HttpRelay, relays
from services.common.utils import now
from tests.fixtures import credentials, stored
from tests.fixtures.adaptations import OUTSIDER
from tests.fixtures.facts import DATABASES
from tests.fixtures.system import NO_SUCH_ID, System, settings_for

ENVELOPE = {
    "id": NO_SUCH_ID,
    "source": "/tests",
    "type": "nothing.happened",
    "subject": NO_SUCH_ID,
    "time": "2026-03-01T09:30:00Z",
    "sequence": 1,
    "data": {},
}

pytestmark = pytest.mark.parametrize("service", DATABASES)


@pytest.mark.parametrize("error", [ConnectionRefusedError("gone"), ServiceUnavailable("gone")])
async def test_an_event_that_cannot_be_handled_now_is_answered_with_503(
    system: System, service: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Consumer, "handle", fail)
    async with system.as_service(service) as client:
        answer = await client.post("/internal/events", json=ENVELOPE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


async def test_a_rejected_event_is_sent_again_for_a_while_and_then_set_aside(
    system: System, service: str
) -> None:
    database = system.runtime(service).database
    refuse = httpx2.MockTransport(lambda _: httpx2.Response(404, text="there is no such path"))
    async with httpx2.AsyncClient(transport=refuse, base_url="http://test") as http:
        relay = HttpRelay(database, Client("nobody", http, 1.0), 1.0)
        for time in (now(), now() - RETRY_REJECTED_FOR):
            envelope = Envelope.model_validate(ENVELOPE | {"time": time})
            async with database.write() as connection:
                await outbox.add(connection, envelope, ["nobody"])
        with capture_logs() as lines:
            await relay.drain()
    assert lines == [
        {
            "event": "event_rejected",
            "log_level": "error",
            "subscriber": "nobody",
            "error": "nobody answered 404: there is no such path",
        }
    ]
    messages = await stored.waiting(database)
    recent, old = [reason for name, _, reason in messages if name == "nobody"]
    assert recent is None
    assert old == "nobody answered 404: there is no such path"


async def test_a_delivery_bears_the_id_of_its_event_so_that_it_can_be_repeated(
    system: System, service: str
) -> None:
    database, keys = system.runtime(service).database, list[str]()

    def accept(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers.get("Idempotency-Key", "none"))
        assert request.extensions["timeout"]["read"] == TIMEOUT_S  # a subscriber may take a while
        return httpx2.Response(204)

    async with httpx2.AsyncClient(
        transport=httpx2.MockTransport(accept), base_url="http://test"
    ) as http:
        async with database.write() as connection:
            await outbox.add(connection, Envelope.model_validate(ENVELOPE), ["somebody"])
        await HttpRelay(database, Client("somebody", http, 1.0), 1.0).drain()
    assert keys == [ENVELOPE["id"]]


async def test_a_relay_for_each_subscriber_looks_as_often_as_was_set(
    system: System, service: str
) -> None:
    settings = settings_for({}).model_copy(update={"outbox_poll_s": 7.0})
    known = dict.fromkeys(["one", "two"], Client("stock", httpx2.AsyncClient(), 1.0))
    runtime = replace(system.runtime(service), clients=known)
    made = relays(runtime, ["one", "two"], settings)
    assert [(it.name, it.poll_s) for it in made] == [("stock", 7.0)] * 2
    await known["one"].http.aclose()


@pytest.mark.parametrize("content", [b"{}", b"no JSON"])
async def test_a_request_that_is_not_an_event_is_refused(
    system: System, service: str, content: bytes
) -> None:
    async with system.as_service(service) as client:
        answer = await client.post("/internal/events", content=content)
    assert answer.status_code == 422
    told = answer.json()["detail"]
    assert told.startswith("id: Field required; source: Field required; ") or "JSON" in told


async def test_callers_from_outside_cannot_send_events(system: System, service: str) -> None:
    async with system.client(service, credentials.accepted(OUTSIDER)) as client:
        assert (await client.post("/internal/events", json={})).status_code == 401
