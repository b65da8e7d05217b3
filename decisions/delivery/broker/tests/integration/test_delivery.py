"""What becomes of an event depends on what happens to it, and on no broker."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError

from services.common import boxes, carrier, messaging
from services.common.carrier import BrokerRelay, Delivery, Listener
from services.common.consumers import Consumer, ReadCopy
from services.common.envelopes import Envelope
from services.common.errors import Away, Refusal, UnknownReference
from services.common.storage import Database
from services.common.utils import new_id, now
from tests.fixtures import stored
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import System

pytestmark = pytest.mark.parametrize("service", SERVICES)


def envelope(**data: Any) -> Envelope:
    return Envelope(
        id=new_id(),
        source="/tests",
        type="thing.saved",
        subject=new_id(),
        time=now(),
        sequence=1,
        data=data,
    )


class Fake:
    """Remembers what it is told, and is away if a test wants it to be."""

    largest = 1000

    def __init__(self) -> None:
        self.prepared: list[tuple[str, list[str]]] = []
        self.published: list[str] = []
        self.away = False

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Fake]:
        yield self

    async def prepare(self, subscriber: str, types: Collection[str]) -> None:
        self.prepared.append((subscriber, list(types)))

    async def publish(self, events: Sequence[carrier.Event]) -> None:
        if self.away:
            raise ConnectionError("gone")
        self.published += [event["id"] for event in events]

    async def deliveries(self, subscriber: str) -> AsyncGenerator[Delivery, None]:
        for delivery in list[Delivery]():
            yield delivery


class Given:
    """A delivery that remembers what became of it."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.became: list[str] = []

    async def done(self) -> None:
        self.became.append("done")

    async def later(self) -> None:
        self.became.append("later")

    async def set_aside(self, reason: str) -> None:
        self.became.append(f"set aside: {reason}")


async def publish(database: Database, event: Envelope, *subscribers: str) -> None:
    async with database.write() as connection:
        await boxes.publish(connection, event, subscribers)


async def waiting(database: Database) -> list[tuple[str, str | None]]:
    """The subscribers of these tests that events wait for, and why if they were rejected."""
    kept = await stored.waiting(database)
    return [(name, why) for name, _, why in kept if name in ("one", "two")]


async def test_an_event_is_published_once_for_all_and_stays_until_it_was(
    system: System, service: str
) -> None:
    database, fake = system.runtime(service).database, Fake()
    await system.deliver()
    relay = BrokerRelay(database, fake.connect, 1.0)
    first, second = envelope(), envelope()
    await publish(database, first, "one", "two")
    fake.away = True
    with pytest.raises(ConnectionError):
        await relay.deliver()
    assert await waiting(database) == [("one", None), ("two", None)]
    await publish(database, second, "two")
    fake.away = False
    await relay.deliver()
    assert fake.published == [str(first.id), str(second.id)]
    assert fake.prepared == [("one", ["thing.saved"]), ("two", ["thing.saved"])] * 2
    assert await waiting(database) == []


async def test_an_event_that_no_broker_takes_does_not_keep_the_others(
    system: System, service: str
) -> None:
    database, fake = system.runtime(service).database, Fake()
    await system.deliver()
    big, small = envelope(text="x" * 1000), envelope()
    for event in (big, small):
        await publish(database, event, "one")
    await BrokerRelay(database, fake.connect, 1.0).deliver()
    assert fake.published == [str(small.id)]
    assert await waiting(database) == [("one", "larger than the 1000 bytes that the broker takes")]
    await stored.forget(database, "one")


@pytest.fixture
def listener(system: System, service: str) -> Listener:
    consumer = Consumer(copies=(ReadCopy("Thing", "thing.saved", "thing.removed"),))
    return Listener(Fake().connect, consumer, replace(system.runtime(service), service="one"))


async def test_what_was_handled_is_done(system: System, service: str, listener: Listener) -> None:
    before = await system.count(service, "inbox")
    delivery = Given(envelope().model_dump_json().encode())
    for _ in range(2):
        await listener.take(delivery)
    assert delivery.became == ["done", "done"]
    assert await system.count(service, "inbox") == before + 1


async def test_what_nobody_here_asks_about_is_done(
    system: System, service: str, listener: Listener
) -> None:
    before = await system.count(service, "inbox")
    other = envelope().model_copy(update={"type": "nothing.happened"})
    delivery = Given(other.model_dump_json().encode())
    await listener.take(delivery)
    assert delivery.became == ["done"]
    assert await system.count(service, "inbox") == before


@pytest.mark.parametrize(
    "error", [RequestValidationError([]), Refusal("no"), UnknownReference("nobody")]
)
async def test_what_is_refused_is_postponed_for_a_while_or_set_aside(
    service: str, listener: Listener, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(Consumer, "handle", refuse)
    delivery = Given(envelope().model_dump_json().encode())
    await listener.take(delivery)
    monkeypatch.setattr(carrier, "PATIENCE", messaging.PATIENCE * 0)
    await listener.take(delivery)
    first, last = delivery.became
    assert first == (
        f"set aside: {error}" if isinstance(error, RequestValidationError) else "later"
    )
    assert last == f"set aside: {error}"


async def test_what_is_no_event_is_set_aside(service: str, listener: Listener) -> None:
    delivery = Given(b'{"id": 1}')
    await listener.take(delivery)
    assert delivery.became[0].startswith("set aside: ")


@pytest.mark.parametrize("error", [Away("gone"), ConnectionError("gone")])
async def test_what_cannot_be_handled_now_is_tried_until_it_can(
    service: str, listener: Listener, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[object] = []

    async def fail_twice(*arguments: object) -> None:
        tries.append(arguments)
        if len(tries) < 3:
            raise error

    monkeypatch.setattr(Consumer, "handle", fail_twice)
    monkeypatch.setattr(carrier, "FIRST_PAUSE_S", 0.001)
    delivery = Given(envelope().model_dump_json().encode())
    await listener.take(delivery)
    assert len(tries) == 3
    assert delivery.became == ["done"]
