"""Events are delivered through a broker: from the outbox of their publisher, and from the broker to each subscriber.

For all brokers alike, this module decides when an event is acknowledged, tried again or dead-lettered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
)
from typing import Any, Protocol

import structlog
from pydantic import ValidationError

from services.common.api.endpoint import Endpoint
from services.common.background import in_background
from services.common.config import PROJECT, Settings
from services.common.messaging import broker, outbox, retries
from services.common.messaging.consumer import Consumer
from services.common.messaging.envelope import Envelope, OutboxMessage
from services.common.messaging.polling import MAX_PAUSE_S
from services.common.messaging.relay import Relay
from services.common.runtime import Runtime

log = structlog.get_logger()

BATCH_SIZE = 100
"""The most messages of the outbox that are published together."""
MIN_PAUSE_S = 0.5

Event = dict[str, Any]
"""An envelope as JSON."""


class Delivery(Protocol):
    """An event as the broker delivers it."""

    @property
    def body(self) -> bytes:
        """The envelope in JSON."""

    async def acknowledge(self) -> None:
        """It was handled."""

    async def dead_letter(self, reason: str) -> None:
        """Move what is no event to the dead letters, with the reason; it is not delivered again."""


class Broker(Protocol):
    """An open connection; any failure is an exception, and a new connection follows."""

    @property
    def max_event_bytes(self) -> int:
        """The size limit of an event."""

    async def subscribe(self, subscriber: str, types: Collection[str]) -> None:
        """From now on, keep events of these types for a subscriber; repeating it does no harm."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish in this order, and return when the broker has confirmed all of them."""

    def deliveries(self, subscriber: str) -> AsyncGenerator[Delivery, None]:
        """The events that are kept for a subscriber, until the connection ends."""


Connect = Callable[[], AbstractAsyncContextManager[Broker]]


class ConnectToBroker(Protocol):
    """What each choice of broker provides in `broker.py`."""

    def __call__(self, settings: Settings, project: str) -> AbstractAsyncContextManager[Broker]:
        """Connect; all names at the broker begin with that of the project."""


CONNECT: ConnectToBroker = broker.connect
"""Of the module `broker.py` that the choice of broker brought; mypy checks here that it is as needed."""


class BrokerRelay(Relay):
    """Publish the outbox, over a connection that is opened when it is needed."""

    def __init__(self, runtime: Runtime, connect: Connect, poll_s: float) -> None:
        super().__init__(runtime, "the broker", poll_s)
        self._connect = connect
        self._connection = AsyncExitStack()
        self._broker: Broker | None = None
        self._subscribed: set[tuple[str, str]] = set()

    async def drain(self) -> None:
        """Publish until nothing waits, oldest first; messages are removed once the broker has confirmed them."""
        try:
            while messages := await self._oldest():
                await self._publish(messages)
        except BaseException:
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        """Drop the connection; the next delivery opens another."""
        self._broker = None
        self._subscribed.clear()
        await self._connection.aclose()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Publish in the background for the duration of a `with` block."""
        try:
            async with super().lifespan():
                yield
        finally:
            await self.disconnect()

    async def _publish(self, messages: Sequence[OutboxMessage]) -> None:
        """Publish each event once, although the outbox has a message for each of its subscribers."""
        connection = self._broker
        if connection is None:
            connection = self._broker = await self._connection.enter_async_context(self._connect())
        limit = connection.max_event_bytes
        sent = [it for it in messages if _size(it) <= limit]
        too_large = [it for it in messages if _size(it) > limit]
        subscriptions = {(it.subscriber, it.event["type"]) for it in sent}
        for subscriber, type in sorted(subscriptions - self._subscribed):
            await connection.subscribe(subscriber, [type])
        self._subscribed |= subscriptions
        await connection.publish(list({it.event["id"]: it.event for it in sent}.values()))
        async with self.database.write() as transaction:
            await outbox.remove_delivered(transaction, [it.position for it in sent])
            if too_large:
                reason = f"larger than the {limit} bytes that the broker accepts"
                await self.reject(transaction, too_large, reason)

    async def _oldest(self) -> Sequence[OutboxMessage]:
        async with self.database.read() as connection:
            return await outbox.oldest(connection, BATCH_SIZE)


def _size(message: OutboxMessage) -> int:
    return len(json.dumps(message.event))


class Listener:
    """Handles the events that the broker keeps for a service, one after the other."""

    def __init__(self, connect: Connect, consumer: Consumer, runtime: Runtime) -> None:
        self.connect = connect
        self.consumer = consumer
        self.runtime = runtime

    async def run(self) -> None:
        """Listen until cancelled, over a new connection whenever one ends."""
        pause = MIN_PAUSE_S
        while True:
            try:
                async with self.connect() as connection:
                    await connection.subscribe(self.runtime.service, self.consumer.types)
                    async with aclosing(connection.deliveries(self.runtime.service)) as deliveries:
                        async for delivery in deliveries:
                            pause = MIN_PAUSE_S
                            await self.receive(delivery)
                error = "the connection ended"
            except Exception as failure:
                # Any failure: a listener that ended would miss all later events.
                error = repr(failure)
            log.warning(
                "listening_failed", service=self.runtime.service, error=error, retry_s=pause
            )
            await asyncio.sleep(pause)
            pause = min(pause * 2, MAX_PAUSE_S)

    async def receive(self, delivery: Delivery) -> None:
        """Handle an event, or have the service keep it, and tell the broker that it need not."""
        try:
            envelope = Envelope.model_validate_json(delivery.body)
        except ValidationError as error:
            return await self._dead_letter(delivery, str(error))
        if envelope.type in self.consumer.types:
            await self._receive(envelope)
        await delivery.acknowledge()

    async def _receive(self, envelope: Envelope) -> None:
        """Try until the service takes the event; those behind it wait, in order, while something is unavailable."""
        pause = MIN_PAUSE_S
        while True:
            try:
                return await retries.receive(self.consumer, envelope, self.runtime)
            except Exception as error:
                # Any failure: one that a service cannot keep is that of its database.
                log.warning(
                    "event_not_handled",
                    service=self.runtime.service,
                    id=str(envelope.id),
                    type=envelope.type,
                    error=repr(error),
                    retry_s=pause,
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, MAX_PAUSE_S)

    async def _dead_letter(self, delivery: Delivery, reason: str) -> None:
        log.error("event_dead_lettered", service=self.runtime.service, error=reason)
        await delivery.dead_letter(reason[:500])


def relays(runtime: Runtime, subscribers: Sequence[str]) -> tuple[Relay, ...]:
    """What drains the outbox of a service: one relay, if there are subscribers."""

    def connect() -> AbstractAsyncContextManager[Broker]:
        return CONNECT(runtime.settings, PROJECT)

    poll_s = runtime.settings.outbox_poll_s
    return (BrokerRelay(runtime, connect, poll_s),) if subscribers else ()


def endpoints(consumer: Consumer) -> Sequence[Endpoint]:
    """No event arrives as a request."""
    return ()


@asynccontextmanager
async def listen(consumer: Consumer, runtime: Runtime) -> AsyncIterator[None]:
    """Handle the events of other services in the background, for the duration of a `with` block."""
    if not consumer.types:
        yield
        return
    listener = Listener(lambda: CONNECT(runtime.settings, PROJECT), consumer, runtime)
    async with in_background(listener.run()):
        yield
