"""The broker itself keeps what it is given, and delivers it once and in order."""

from __future__ import annotations

import asyncio
import gc
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from services.common import boxes, broker
from services.common.carrier import Broker, BrokerRelay, Delivery, Listener
from services.common.config import Settings
from services.common.consumers import Consumer, ReadCopy
from services.common.envelopes import Envelope
from services.common.runtime import Runtime
from services.common.utils import new_id, now
from tests.fixtures import server, stored
from tests.fixtures.facts import SERVICES
from tests.fixtures.proxy import Proxy, proxied
from tests.fixtures.system import System

HERE, THERE = "here", "there"
"""Two subscribers."""
SAVED = "thing.saved"
WITHIN_S = 20.0


def event(type: str = SAVED, **values: Any) -> dict[str, Any]:
    """An envelope as the outbox keeps it."""
    made = Envelope(
        id=new_id(),
        source="/tests",
        type=type,
        subject=new_id(),
        time=now(),
        sequence=1,
        data={},
    )
    return made.model_dump(mode="json") | values


class Place:
    """The broker, by a way that can be cut, with names that no other test run uses."""

    def __init__(self, settings: Settings, proxy: Proxy) -> None:
        self.settings = settings
        self.proxy = proxy
        self.project = f"test-{uuid.uuid4().hex[:12]}"

    def connect(self) -> AbstractAsyncContextManager[Broker]:
        return broker.connect(self.settings, self.project)

    async def next(self, subscriber: str, count: int) -> list[str]:
        """Take so many deliveries, and say that they are done; the ids of their events."""
        taken: list[str] = []
        async with asyncio.timeout(WITHIN_S), self.deliveries(subscriber) as deliveries:
            while len(taken) < count:
                delivery = await anext(deliveries)
                taken.append(str(Envelope.model_validate_json(delivery.body).id))
                await delivery.done()
        return taken

    @asynccontextmanager
    async def deliveries(self, subscriber: str) -> AsyncIterator[AsyncIterator[Delivery]]:
        """What a subscriber is given over a connection of its own."""
        async with self.connect() as connection, aclosing(connection.deliveries(subscriber)) as it:
            yield it


@pytest_asyncio.fixture
async def place(system: System, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    """The real broker; what was postponed comes back sooner than usual."""
    monkeypatch.setattr(broker, "POSTPONED", timedelta(seconds=1))
    settings: Settings = system.apps[SERVICES[0]].state.settings
    url = settings.url(server.NAME)
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=2).close()
    except OSError:
        setting = f"{server.NAME}_url".upper()
        pytest.skip(f"nothing answers at {setting}; `python scripts/servers.py` starts it")
    async with proxied(url) as (proxy, way):
        place = Place(settings.model_copy(update={f"{server.NAME}_url": way}), proxy)
        async with place.connect() as connection:
            for subscriber in (HERE, THERE):
                await connection.prepare(subscriber, [SAVED])
        yield place
        await server.remove(settings, place.project, (HERE, THERE))


async def test_every_subscriber_is_given_every_event_once_and_in_order(place: Place) -> None:
    events = [event() for _ in range(120)]
    async with place.connect() as connection:
        await connection.publish(events[:70])
        await connection.publish(events[70:])
    last = event()
    for subscriber in (HERE, THERE):
        assert await place.next(subscriber, 120) == [it["id"] for it in events]
    async with place.connect() as connection:
        await connection.publish([last])
    for subscriber in (HERE, THERE):
        assert await place.next(subscriber, 1) == [last["id"]]


async def test_what_was_not_done_comes_again(place: Place) -> None:
    events = [event() for _ in range(3)]
    async with place.connect() as connection:
        await connection.publish(events)
    with suppress(Exception):  # a connection that broke may say so again when it is closed
        async with asyncio.timeout(WITHIN_S), place.deliveries(HERE) as deliveries:
            await (await anext(deliveries)).done()
            await anext(deliveries)
            place.proxy.cut()
    missing = {it["id"] for it in events[1:]}
    while missing:
        missing -= set(await place.next(HERE, 1))


async def test_what_is_postponed_lets_others_pass(place: Place) -> None:
    early, other = event(), event()
    async with place.connect() as connection:
        await connection.publish([early, other])
    async with asyncio.timeout(WITHIN_S), place.deliveries(HERE) as deliveries:
        await (await anext(deliveries)).later()
        seen = []
        for _ in range(2):
            delivery = await anext(deliveries)
            seen.append(str(Envelope.model_validate_json(delivery.body).id))
            await delivery.done()
    assert seen == [other["id"], early["id"]]


async def test_what_is_set_aside_does_not_come_again(place: Place) -> None:
    refused, other = event(), event()
    async with place.connect() as connection:
        await connection.publish([refused, other])
    async with asyncio.timeout(WITHIN_S), place.deliveries(HERE) as deliveries:
        await (await anext(deliveries)).set_aside("no\r\nthank you: €")
    assert await place.next(HERE, 1) == [other["id"]]
    ((body, reason),) = await server.set_aside(place.settings, place.project, HERE)
    assert str(Envelope.model_validate_json(body).id) == refused["id"]
    assert reason.split() == ["no", "thank", "you:", "€"]


@pytest.fixture
def runtime(system: System) -> Runtime:
    """A service with a database, known to the broker as one of the subscribers."""
    return replace(system.runtime(SERVICES[0]), service=HERE)


KEEPING = Consumer(copies=(ReadCopy("Thing", SAVED, "thing.removed"),))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_events_survive_a_broken_connection(place: Place, runtime: Runtime) -> None:
    """Between outbox and inbox every connection is cut again and again; each event is handled once."""
    relay = BrokerRelay(runtime.database, place.connect, 0.2)
    listener = asyncio.create_task(Listener(place.connect, KEEPING, runtime).run())
    before = await copies(runtime)
    async with BrokerRelay.running(relay):
        publishing = asyncio.create_task(until_empty(relay, runtime))
        for round in range(5):
            for number in range(20):
                envelope = Envelope.model_validate(event(sequence=number + 1))
                async with runtime.database.write() as connection:
                    await boxes.publish(connection, envelope, [HERE])
            connections = place.proxy.passed
            place.proxy.cut()
            await asyncio.sleep(0.2 * round)
            async with asyncio.timeout(WITHIN_S * 2):
                while place.proxy.passed == connections:  # each cut is one of a connection
                    await asyncio.sleep(0.1)

        async def all_handled() -> bool:
            return await copies(runtime) == before + 100

        await eventually(all_handled)
        await publishing
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)
    assert place.proxy.passed > 6
    assert await copies(runtime) == before + 100
    gc.collect()  # a client may forget a socket that broke while it connected: here, and in no other test


async def test_a_second_publication_changes_nothing(place: Place, runtime: Runtime) -> None:
    first, second = event(), event()
    before = await copies(runtime)
    for events in ([first, second], [second, first]):
        async with place.connect() as connection:
            await connection.publish(events)
    listener = Listener(place.connect, KEEPING, runtime)
    last = event()
    async with place.connect() as connection:
        await connection.publish([last])
    async with asyncio.timeout(WITHIN_S), place.deliveries(HERE) as deliveries:
        async for delivery in deliveries:
            await listener.take(delivery)
            if last["id"] in delivery.body.decode():
                break
    assert await copies(runtime) == before + 3


async def test_an_event_that_is_no_event_is_set_aside(place: Place, runtime: Runtime) -> None:
    async with place.connect() as connection:
        await connection.publish([event(time="soon")])
    async with asyncio.timeout(WITHIN_S), place.deliveries(HERE) as deliveries:
        await Listener(place.connect, KEEPING, runtime).take(await anext(deliveries))
    ((_, reason),) = await server.set_aside(place.settings, place.project, HERE)
    assert "time" in reason


async def copies(runtime: Runtime) -> int:
    """How many read copies there are."""
    return await stored.count(runtime.database, "read_copies")


async def until_empty(relay: BrokerRelay, runtime: Runtime) -> None:
    """Deliver until nothing waits, whatever goes wrong."""
    while True:
        try:
            await relay.deliver()
        except Exception:
            await asyncio.sleep(0.1)
        waiting = await stored.waiting(runtime.database)
        if not any(name == HERE for name, _, _ in waiting):
            return
        await asyncio.sleep(0.05)


async def eventually(what: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(WITHIN_S * 2):
        while not await what():
            await asyncio.sleep(0.1)
