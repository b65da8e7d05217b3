"""Whatever the broker: which events are published, acknowledged, retried, postponed or dead-lettered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.common.background import in_background
from services.common.config import PROJECT, Settings
from services.common.db.database import Database
from services.common.errors import RuleViolation, ServiceUnavailable
from services.common.messaging import outbox, transport, unhandled
from services.common.messaging.consumer import Consumer
from services.common.messaging.envelope import Envelope
from services.common.messaging.transport import BrokerRelay, Delivery, Event, Listener
from tests.fixtures import stored
from tests.fixtures.facts import DATABASES
from tests.fixtures.handlers import HANDLED, RecordingHandler
from tests.fixtures.system import System, an_event, settings_for

pytestmark = pytest.mark.parametrize("service", DATABASES)


def envelope(**data: Any) -> Envelope:
    return an_event(HANDLED, data=data)


class FakeBroker:
    """Records what it is asked to do, and fails while it is down."""

    max_event_bytes = 1000

    def __init__(self) -> None:
        self.subscriptions: list[tuple[str, list[str]]] = []
        self.published: list[str] = []
        self.kept: list[Delivery] = []
        self.is_down = False

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[FakeBroker]:
        yield self

    async def subscribe(self, subscriber: str, types: Collection[str]) -> None:
        self.subscriptions.append((subscriber, list(types)))

    async def publish(self, events: Sequence[Event]) -> None:
        if self.is_down:
            raise ConnectionError("gone")
        self.published += [event["id"] for event in events]

    async def deliveries(self, subscriber: str) -> AsyncGenerator[Delivery, None]:
        assert subscriber == "one"
        for delivery in self.kept:
            yield delivery


class FakeDelivery:
    """Records the outcomes that are reported to it."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.outcomes: list[str] = []

    async def acknowledge(self) -> None:
        self.outcomes.append("acknowledged")

    async def dead_letter(self, reason: str) -> None:
        self.outcomes.append(f"dead-lettered: {reason}")


async def publish(database: Database, event: Envelope, *subscribers: str) -> None:
    async with database.write() as connection:
        await outbox.add(connection, event, subscribers)


async def waiting(database: Database) -> list[tuple[str, str | None]]:
    """The messages in the outbox for the subscribers of these tests: each subscriber, and why it was rejected."""
    messages = await stored.waiting(database)
    return [(name, reason) for name, _, reason in messages if name in ("one", "two")]


async def test_an_event_is_published_once_for_all_subscribers_and_waits_until_the_broker_is_up(
    system: System, service: str
) -> None:
    database, broker = system.runtime(service).database, FakeBroker()
    await system.deliver()
    relay = BrokerRelay(system.runtime(service), broker.connect, 1.0)
    first, second = envelope(), envelope()
    await publish(database, first, "one", "two")
    broker.is_down = True
    with pytest.raises(ConnectionError):
        await relay.drain()
    assert await waiting(database) == [("one", None), ("two", None)]
    await publish(database, second, "two")
    broker.is_down = False
    await relay.drain()
    assert broker.published == [str(first.id), str(second.id)]
    assert broker.subscriptions == [("one", [HANDLED]), ("two", [HANDLED])] * 2
    assert await waiting(database) == []


async def test_an_event_too_large_for_the_broker_is_rejected_and_does_not_block_others(
    system: System, service: str
) -> None:
    database, broker = system.runtime(service).database, FakeBroker()
    await system.deliver()
    large, small = envelope(text="x" * 1000), envelope()
    for event in (large, small):
        await publish(database, event, "one")
    with capture_logs() as lines:
        await BrokerRelay(system.runtime(service), broker.connect, 1.0).drain()
    assert broker.published == [str(small.id)]
    reason = "larger than the 1000 bytes that the broker accepts"
    assert await waiting(database) == [("one", reason)]
    assert lines == [
        {
            "event": "delivery_rejected",
            "log_level": "error",
            "service": service,
            "subscriber": "one",
            "id": str(large.id),
            "type": large.type,
            "error": reason,
        }
    ]
    await stored.forget(database, "one")


async def test_a_relay_connects_as_was_set(
    system: System, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, broker = system.runtime(service), FakeBroker()
    connected: list[tuple[Settings, str]] = []

    @asynccontextmanager
    async def connect(settings: Settings, project: str) -> AsyncIterator[FakeBroker]:
        connected.append((settings, project))
        yield broker

    monkeypatch.setattr(transport, "CONNECT", connect)
    await system.deliver()
    settings = settings_for({}).model_copy(update={"outbox_poll_s": 7.0})
    runtime = replace(runtime, settings=settings)
    assert transport.relays(runtime, []) == ()
    (relay,) = transport.relays(runtime, ["one"])
    assert relay.poll_s == 7.0
    await publish(runtime.database, envelope(), "one")
    await relay.drain()
    assert len(broker.published) == 1
    assert connected == [(settings, PROJECT)]


@pytest.fixture
def handler() -> RecordingHandler:
    return RecordingHandler()


@pytest.fixture
def listener(system: System, service: str, handler: RecordingHandler) -> Listener:
    runtime = replace(system.runtime(service), service="one")
    return Listener(FakeBroker().connect, Consumer(handler), runtime)


async def test_an_event_is_handled_once_and_acknowledged_each_time_it_is_delivered(
    system: System, service: str, listener: Listener, handler: RecordingHandler
) -> None:
    before = await system.count(service, "inbox")
    event = envelope()
    delivery = FakeDelivery(event.model_dump_json().encode())
    for _ in range(2):
        await listener.receive(delivery)
    assert delivery.outcomes == ["acknowledged", "acknowledged"]
    assert handler.handled == [event.id]
    assert await system.count(service, "inbox") == before + 1


async def test_an_event_without_a_handler_is_acknowledged(
    system: System, service: str, listener: Listener, handler: RecordingHandler
) -> None:
    before = await system.count(service, "inbox")
    other = envelope().model_copy(update={"type": "nothing.happened"})
    delivery = FakeDelivery(other.model_dump_json().encode())
    await listener.receive(delivery)
    assert delivery.outcomes == ["acknowledged"]
    assert handler.handled == []
    assert await system.count(service, "inbox") == before


async def test_an_event_that_fails_is_acknowledged_as_the_service_keeps_it(
    system: System, service: str, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise RuleViolation("no")

    monkeypatch.setattr(Consumer, "handle", refuse)
    event = envelope()
    delivery = FakeDelivery(event.model_dump_json().encode())
    await listener.receive(delivery)
    assert delivery.outcomes == ["acknowledged"]
    async with system.runtime(service).database.write() as connection:
        (kept,) = await unhandled.about(connection, event.subject)
        await unhandled.remove(connection, kept.position)
    assert kept.reason == "RuleViolation: no"


async def test_a_message_that_is_not_an_event_is_dead_lettered(
    service: str, listener: Listener
) -> None:
    delivery = FakeDelivery(b'{"id": 1}')
    await listener.receive(delivery)
    assert delivery.outcomes[0].startswith("dead-lettered: ")


@pytest.mark.parametrize("error", [ServiceUnavailable("gone"), ConnectionError("gone")])
async def test_handling_is_retried_until_it_succeeds(
    service: str, listener: Listener, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[object] = []

    async def fail_twice(*arguments: object) -> None:
        attempts.append(arguments)
        if len(attempts) < 3:
            raise error

    monkeypatch.setattr(Consumer, "handle", fail_twice)
    monkeypatch.setattr(transport, "MIN_PAUSE_S", 0.001)
    event = envelope()
    delivery = FakeDelivery(event.model_dump_json().encode())
    with capture_logs() as lines:
        await listener.receive(delivery)
    assert len(attempts) == 3
    assert delivery.outcomes == ["acknowledged"]
    told = [(it["event"], it["id"], it["error"], it["log_level"]) for it in lines]
    assert told == [("event_not_handled", str(event.id), repr(error), "warning")] * 2
    assert [it["retry_s"] for it in lines] == [0.001, 0.002]


async def test_a_dead_letter_is_logged_and_its_reason_is_short(
    service: str, listener: Listener
) -> None:
    delivery = FakeDelivery(b'{"unknown": "' + b"x" * 1000 + b'"}')
    with capture_logs() as lines:
        await listener.receive(delivery)
    (outcome,) = delivery.outcomes
    assert len(outcome) == len("dead-lettered: ") + 500
    assert [(it["event"], it["service"], it["log_level"]) for it in lines] == [
        ("event_dead_lettered", "one", "error")
    ]
    assert len(lines[0]["error"]) > 500


async def test_a_connection_that_ends_is_opened_again_after_growing_pauses(
    service: str,
    listener: Listener,
    handler: RecordingHandler,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened, enough = list[str](), asyncio.Event()
    event = envelope()
    delivery = FakeDelivery(event.model_dump_json().encode())

    class Ending(FakeBroker):
        async def subscribe(self, subscriber: str, types: Collection[str]) -> None:
            opened.append(f"{subscriber}: {', '.join(types)}")
            self.kept = [delivery] if len(opened) == 4 else []
            if len(opened) == 2:
                raise ConnectionError("gone")
            if len(opened) == 5:
                enough.set()

    monkeypatch.setattr(transport, "MIN_PAUSE_S", 0.001)
    monkeypatch.setattr(transport, "MAX_PAUSE_S", 0.003)
    listening = Listener(Ending().connect, listener.consumer, listener.runtime)
    with capture_logs() as lines:
        async with asyncio.timeout(5), in_background(listening.run()):
            await enough.wait()
    assert set(opened) == {f"one: {HANDLED}"}
    assert {(it["event"], it["service"], it["log_level"]) for it in lines} == {
        ("listening_failed", "one", "warning")
    }
    ended = "the connection ended"
    errors = [ended, "ConnectionError('gone')", ended, ended]
    assert [it["error"] for it in lines[:4]] == errors
    # What is delivered shows that the broker is well.
    assert [it["retry_s"] for it in lines[:4]] == [0.001, 0.002, 0.003, 0.001]
    assert (handler.handled, delivery.outcomes) == ([event.id], ["acknowledged"])
