"""Events go through a broker: from the outbox of their publisher, and from there to each subscriber.

What is told apart here, and by no module of a broker: when an event is done with, when it is tried again, when it waits
for another that it refers to, and when it is set aside.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
)
from http import HTTPStatus
from typing import Any, Protocol
from uuid import UUID

import structlog
from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.common import boxes
from services.common import broker as installed_broker
from services.common.config import PROJECT, Settings
from services.common.consumers import Consumer
from services.common.envelopes import Envelope
from services.common.errors import ServiceError
from services.common.messaging import LONGEST_PAUSE_S, PATIENCE, Relay
from services.common.runtime import Runtime
from services.common.storage import Database
from services.common.utils import in_background

log = structlog.get_logger()

BATCH = 100
"""The most rows of the outbox that are published together."""
FIRST_PAUSE_S = 0.5

Event = dict[str, Any]
"""An envelope as the outbox keeps it."""


class Delivery(Protocol):
    """An event as the broker delivers it."""

    @property
    def body(self) -> bytes:
        """The envelope in JSON."""

    async def done(self) -> None:
        """It need not come again."""

    async def later(self) -> None:
        """It comes again after a while; those behind it need not wait."""

    async def set_aside(self, reason: str) -> None:
        """It is kept apart, with the reason, and does not come again by itself."""


class Broker(Protocol):
    """An open connection; whatever goes wrong with it is an exception, and the next is a new one."""

    @property
    def largest(self) -> int:
        """The most bytes that an event may have."""

    async def prepare(self, subscriber: str, types: Collection[str]) -> None:
        """From now on, keep events of these types for a subscriber; it may be said again at any time."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Return when the broker has all of them for sure, in this order."""

    def deliveries(self, subscriber: str) -> AsyncGenerator[Delivery, None]:
        """What is kept for a subscriber, until the connection ends."""


Connect = Callable[[], AbstractAsyncContextManager[Broker]]


class Opening(Protocol):
    """What a choice of broker provides, in `broker.py`."""

    def __call__(self, settings: Settings, project: str) -> AbstractAsyncContextManager[Broker]:
        """Connect; all that is named at the broker begins with the project's name."""


OPEN: Opening = installed_broker.connect


class BrokerRelay(Relay):
    """Publish what waits in the outbox, over a connection that is opened when it is needed."""

    def __init__(self, database: Database, connect: Connect, poll_s: float) -> None:
        super().__init__(database, "the broker", poll_s)
        self._connect = connect
        self._connection = AsyncExitStack()
        self._broker: Broker | None = None
        self._prepared: set[tuple[str, str]] = set()

    async def deliver(self) -> None:
        """Publish what waits, oldest first, until nothing does; rows go once the broker confirmed them."""
        try:
            while rows := await self._oldest():
                await self._publish(rows)
        except BaseException:
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        """Forget the connection; the next delivery opens another."""
        self._broker = None
        self._prepared.clear()
        await self._connection.aclose()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish in the background for the duration of a `with` block."""
        try:
            async with super().running():
                yield
        finally:
            await self.disconnect()

    async def _publish(self, rows: Sequence[boxes.Waiting]) -> None:
        """Publish each event once, though the outbox has a row for each of its subscribers."""
        broker = self._broker
        if broker is None:
            broker = self._broker = await self._connection.enter_async_context(self._connect())
        sent = [row for row in rows if _size(row) <= broker.largest]
        refused = [row for row in rows if _size(row) > broker.largest]
        hearing = {(row.subscriber, row.event["type"]) for row in sent}
        for subscriber, type in sorted(hearing - self._prepared):
            await broker.prepare(subscriber, [type])
        self._prepared |= hearing
        await broker.publish(list({row.event["id"]: row.event for row in sent}.values()))
        async with self.database.write() as connection:
            await boxes.took(connection, [row.position for row in sent])
            if refused:
                reason = f"larger than the {broker.largest} bytes that the broker takes"
                log.error("event rejected", to=self.name, error=reason, count=len(refused))
                await boxes.reject(connection, [row.position for row in refused], reason)

    async def _oldest(self) -> Sequence[boxes.Waiting]:
        async with self.database.read() as connection:
            return await boxes.oldest(connection, BATCH)


def _size(row: boxes.Waiting) -> int:
    return len(json.dumps(row.event))


class Listener:
    """Take what the broker keeps for a service, one event after the other."""

    def __init__(self, connect: Connect, consumer: Consumer, runtime: Runtime) -> None:
        self.connect = connect
        self.consumer = consumer
        self.runtime = runtime
        self._early: dict[UUID, float] = {}
        """Since when events are tried that refer to what is not there."""

    async def run(self) -> None:
        """Listen until cancelled, over a new connection whenever one has ended."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                async with self.connect() as broker:
                    await broker.prepare(self.runtime.service, self.consumer.types)
                    async with aclosing(broker.deliveries(self.runtime.service)) as deliveries:
                        async for delivery in deliveries:
                            pause = FIRST_PAUSE_S
                            await self.take(delivery)
                error = "the connection ended"
            except Exception as failure:
                # Whatever it was: a listener that ended would hear nothing of what follows.
                error = repr(failure)
            log.warning("listening failed", error=error, retry_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def take(self, delivery: Delivery) -> None:
        """Handle an event, and tell the broker what became of it."""
        try:
            envelope = Envelope.model_validate_json(delivery.body)
        except ValidationError as error:
            return await self._set_aside(delivery, str(error))
        if envelope.type not in self.consumer.types:
            return await delivery.done()
        try:
            await self._handle(envelope)
        except RequestValidationError as error:
            await self._set_aside(delivery, str(error), envelope)
        except ServiceError as error:
            if error.status == HTTPStatus.CONFLICT and self._is_early(envelope.id):
                # Another event may still bring what this one refers to; the rest need not wait.
                return await delivery.later()
            await self._set_aside(delivery, str(error), envelope)
        else:
            await delivery.done()
        self._early.pop(envelope.id, None)

    async def _handle(self, envelope: Envelope) -> None:
        """Handle an event as soon as everything that this needs is there: those behind it wait, in order."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                return await self.consumer.handle(envelope, self.runtime)
            except RequestValidationError:
                raise
            except Exception as error:
                if isinstance(error, ServiceError) and error.status < 500:
                    raise
                log.warning(
                    "event not handled", id=str(envelope.id), error=repr(error), retry_s=pause
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _is_early(self, event_id: UUID) -> bool:
        since = self._early.setdefault(event_id, time.monotonic())
        return time.monotonic() - since < PATIENCE.total_seconds()

    async def _set_aside(
        self, delivery: Delivery, reason: str, envelope: Envelope | None = None
    ) -> None:
        id = str(envelope.id) if envelope else None
        log.error("event set aside", subscriber=self.runtime.service, id=id, error=reason)
        await delivery.set_aside(reason[:500])


def relays(runtime: Runtime, subscribers: Sequence[str], settings: Settings) -> tuple[Relay, ...]:
    """What publishes the events of a service: one relay, if anybody hears them."""

    def connect() -> AbstractAsyncContextManager[Broker]:
        return OPEN(settings, PROJECT)

    return (BrokerRelay(runtime.database, connect, settings.outbox_poll_s),) if subscribers else ()


def routes(consumer: Consumer) -> APIRouter:
    """Nothing arrives as a request."""
    return APIRouter()


@asynccontextmanager
async def listening(
    consumer: Consumer, runtime: Runtime, settings: Settings
) -> AsyncIterator[None]:
    """Take the events of others in the background for the duration of a `with` block."""
    if not consumer.types:
        yield
        return
    listener = Listener(lambda: OPEN(settings, PROJECT), consumer, runtime)
    async with in_background(listener.run()):
        yield
