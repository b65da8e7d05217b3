"""The installed broker keeps events, and delivers them in order and at least once; a service handles each once."""

from __future__ import annotations

import asyncio
import gc
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from services.common.config import Settings
from services.common.messaging import broker, outbox
from services.common.messaging.consumer import Consumer
from services.common.messaging.envelope import Envelope
from services.common.messaging.transport import Broker, BrokerRelay, Delivery, Listener
from services.common.runtime import Runtime
from tests.fixtures import broker_admin, stored
from tests.fixtures.facts import DATABASES
from tests.fixtures.handlers import HANDLED, RecordingHandler
from tests.fixtures.proxy import Proxy, proxied
from tests.fixtures.system import System, an_event

ONE, TWO, LATE = "one", "two", "late"
"""Two subscribers, and one that comes later."""
TIMEOUT_S = 20.0


def event(**values: Any) -> dict[str, Any]:
    """An envelope as the outbox stores it."""
    return an_event(HANDLED).model_dump(mode="json") | values


def id_of(delivery: Delivery) -> str:
    return str(Envelope.model_validate_json(delivery.body).id)


class RealBroker:
    """The installed broker behind a proxy, with names that no other test run uses."""

    def __init__(self, settings: Settings, proxy: Proxy) -> None:
        self.settings = settings
        self.proxy = proxy
        self.project = f"test-{uuid.uuid4().hex[:12]}"

    def connect(self) -> AbstractAsyncContextManager[Broker]:
        return broker.connect(self.settings, self.project)

    async def publish(self, *events: dict[str, Any]) -> None:
        """Publish over its own connection."""
        async with self.connect() as connection:
            await connection.publish(events)

    async def receive(self, subscriber: str, count: int) -> list[str]:
        """Receive so many events and acknowledge them; their ids."""
        received: list[str] = []
        async with asyncio.timeout(TIMEOUT_S), self.deliveries(subscriber) as deliveries:
            while len(received) < count:
                delivery = await anext(deliveries)
                received.append(id_of(delivery))
                await delivery.acknowledge()
        return received

    @asynccontextmanager
    async def deliveries(self, subscriber: str) -> AsyncIterator[AsyncIterator[Delivery]]:
        """The deliveries to a subscriber over its own connection."""
        async with self.connect() as connection, aclosing(connection.deliveries(subscriber)) as it:
            yield it

    async def dead_letters(self, subscriber: str) -> list[tuple[bytes, str]]:
        """The dead letters of a subscriber, with the reasons."""
        return await broker_admin.take_dead_letters(self.settings, self.project, subscriber)


@pytest_asyncio.fixture
async def real_broker(system: System) -> AsyncIterator[RealBroker]:
    """The installed broker."""
    settings: Settings = system.apps[DATABASES[0]].state.settings
    url = settings.url(broker_admin.NAME)
    setting = f"{broker_admin.NAME}_url"
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=2).close()
    except OSError:
        pytest.skip(f"nothing answers at {setting.upper()}; `python scripts/servers.py` starts it")
    async with proxied(url) as (proxy, url_of_proxy):
        behind_proxy = settings.model_copy(update={setting: url_of_proxy})
        real_broker = RealBroker(behind_proxy, proxy)
        async with real_broker.connect() as connection:
            for subscriber in (ONE, TWO):
                await connection.subscribe(subscriber, [HANDLED])
        yield real_broker
        await broker_admin.clean_up(settings, real_broker.project, (ONE, TWO, LATE))


async def test_every_subscriber_receives_every_event_once_and_in_order(
    real_broker: RealBroker,
) -> None:
    events = [event() for _ in range(120)]
    async with real_broker.connect() as connection:
        await connection.publish(events[:70])
        await connection.publish(events[70:])
    for subscriber in (ONE, TWO):
        assert await real_broker.receive(subscriber, 120) == [it["id"] for it in events]
    last = event()
    await real_broker.publish(last)
    for subscriber in (ONE, TWO):
        assert await real_broker.receive(subscriber, 1) == [last["id"]]


async def test_a_new_subscriber_receives_what_is_published_from_then_on(
    real_broker: RealBroker,
) -> None:
    await real_broker.publish(event())
    async with real_broker.connect() as connection:
        assert connection.max_event_bytes > 100_000
        await connection.subscribe(LATE, [HANDLED])
    last = event()
    await real_broker.publish(last)
    assert await real_broker.receive(LATE, 1) == [last["id"]]


async def test_unacknowledged_events_are_redelivered(real_broker: RealBroker) -> None:
    events = [event() for _ in range(3)]
    await real_broker.publish(*events)
    with suppress(Exception):  # closing a broken connection may raise again
        async with asyncio.timeout(TIMEOUT_S), real_broker.deliveries(ONE) as deliveries:
            await (await anext(deliveries)).acknowledge()
            await anext(deliveries)
            real_broker.proxy.cut()
    missing = {it["id"] for it in events[1:]}
    while missing:
        missing -= set(await real_broker.receive(ONE, 1))


async def test_a_dead_letter_is_kept_with_its_reason_and_not_redelivered(
    real_broker: RealBroker,
) -> None:
    refused, other = event(), event()
    await real_broker.publish(refused, other)
    async with asyncio.timeout(TIMEOUT_S), real_broker.deliveries(ONE) as deliveries:
        await (await anext(deliveries)).dead_letter("no\r\nthank you: €")
    assert await real_broker.receive(ONE, 1) == [other["id"]]
    ((body, reason),) = await real_broker.dead_letters(ONE)
    assert str(Envelope.model_validate_json(body).id) == refused["id"]
    assert reason.split() == ["no", "thank", "you:", "€"]


@pytest.fixture
def runtime(system: System) -> Runtime:
    """A service with a database, as one of the subscribers."""
    return replace(system.runtime(DATABASES[0]), service=ONE)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_events_survive_broken_connections_and_are_handled_once(
    real_broker: RealBroker, runtime: Runtime
) -> None:
    """Every connection between outbox and inbox is cut again and again."""
    relay = BrokerRelay(runtime, real_broker.connect, 0.2)
    handler = RecordingHandler()
    listener = Listener(real_broker.connect, Consumer(handler), runtime)
    listening = asyncio.create_task(listener.run())
    proxy = real_broker.proxy
    sent = []
    before = await inbox_size(runtime)
    async with relay.lifespan():
        draining = asyncio.create_task(drain_whatever_fails(relay, runtime))
        for round in range(5):
            for number in range(20):
                envelope = Envelope.model_validate(event(sequence=number + 1))
                sent.append(envelope.id)
                async with runtime.database.write() as connection:
                    await outbox.add(connection, envelope, [ONE])
            connections = proxy.connections
            proxy.cut()
            await asyncio.sleep(0.2 * round)
            async with asyncio.timeout(TIMEOUT_S * 2):
                while proxy.connections == connections:  # so that each cut breaks a connection
                    await asyncio.sleep(0.1)

        async def all_handled() -> bool:
            return await inbox_size(runtime) == before + 100

        await eventually(all_handled)
        await draining
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert proxy.connections > 6
    assert await inbox_size(runtime) == before + 100
    assert sorted(handler.handled) == sorted(sent)
    gc.collect()  # a client may leak a socket that broke while it connected: warn here, in no later test


async def test_an_event_that_is_published_twice_is_handled_once(
    real_broker: RealBroker, runtime: Runtime
) -> None:
    first, second, last = event(), event(), event()
    for events in ([first, second], [second, first], [last]):
        await real_broker.publish(*events)
    handler = RecordingHandler()
    listener = Listener(real_broker.connect, Consumer(handler), runtime)
    before = await inbox_size(runtime)
    async with asyncio.timeout(TIMEOUT_S), real_broker.deliveries(ONE) as deliveries:
        async for delivery in deliveries:
            await listener.receive(delivery)
            if last["id"] in delivery.body.decode():
                break
    assert await inbox_size(runtime) == before + 3
    assert list(map(str, handler.handled)) == [first["id"], second["id"], last["id"]]


async def test_a_message_that_is_not_an_event_is_dead_lettered(
    real_broker: RealBroker, runtime: Runtime
) -> None:
    await real_broker.publish(event(time="soon"))
    listener = Listener(real_broker.connect, Consumer(RecordingHandler()), runtime)
    async with asyncio.timeout(TIMEOUT_S), real_broker.deliveries(ONE) as deliveries:
        await listener.receive(await anext(deliveries))
    ((_, reason),) = await real_broker.dead_letters(ONE)
    assert "time" in reason


async def inbox_size(runtime: Runtime) -> int:
    """How many events were handled."""
    return await stored.count(runtime.database, "inbox")


async def drain_whatever_fails(relay: BrokerRelay, runtime: Runtime) -> None:
    """Drain the outbox again and again, until nothing waits."""
    while True:
        try:
            await relay.drain()
        except Exception:
            await asyncio.sleep(0.1)
        waiting = await stored.waiting(runtime.database)
        if not any(name == ONE for name, _, _ in waiting):
            return
        await asyncio.sleep(0.05)


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(TIMEOUT_S * 2):
        while not await condition():
            await asyncio.sleep(0.1)
