"""RabbitMQ: a topic exchange for all events, and a queue for each subscriber."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage, FieldValue

from services.common.config import Settings
from services.common.messaging import POSTPONED

CONNECT_S = 5.0
CONFIRM_S = 30.0
PREFETCH = 50
SAFE: dict[str, FieldValue] = {"x-queue-type": "quorum"}
"""Queues that are on disk before the broker confirms, and on several nodes where there are several."""


@dataclass(frozen=True)
class Delivery:
    """A message that came out of a subscriber's queue."""

    message: AbstractIncomingMessage
    channel: AbstractChannel
    queue: str

    @property
    def body(self) -> bytes:
        return self.message.body

    async def done(self) -> None:
        await self.message.ack()

    async def later(self) -> None:
        await self._move(f"{self.queue}.later")

    async def set_aside(self, reason: str) -> None:
        await self._move(f"{self.queue}.dead", {"x-reason": reason})

    async def _move(self, queue: str, headers: dict[str, Any] | None = None) -> None:
        """Put it into another queue, and take it out of this one when it is there for sure."""
        moved = _message(self.body, self.message.message_id, self.message.type, headers)
        await self.channel.default_exchange.publish(moved, queue, timeout=CONFIRM_S)
        await self.message.ack()


class RabbitMQ:
    """An open connection."""

    largest = 16 * 1024 * 1024  # the server's `max_message_size` unless it is told otherwise

    def __init__(self, channel: AbstractChannel, exchange: AbstractExchange, project: str) -> None:
        self.channel = channel
        self.exchange = exchange
        self.project = project

    async def prepare(self, subscriber: str, types: Collection[str]) -> None:
        """Declare the queue of a subscriber, the two beside it, and what goes into it."""
        name = self._queue(subscriber)
        # One consumer at a time keeps the order, however many instances of the service there are.
        queue = await self.channel.declare_queue(
            name, durable=True, arguments=SAFE | {"x-single-active-consumer": True}
        )
        back: dict[str, FieldValue] = {
            "x-message-ttl": int(POSTPONED.total_seconds() * 1000),
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": name,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        await self.channel.declare_queue(f"{name}.later", durable=True, arguments=SAFE | back)
        await self.channel.declare_queue(f"{name}.dead", durable=True, arguments=SAFE)
        for type in types:
            await queue.bind(self.exchange, type)

    async def publish(self, events: Sequence[dict[str, Any]]) -> None:
        """Publish all at once and wait until each is confirmed; one that no queue took is an error."""
        await asyncio.gather(
            *(
                self.exchange.publish(
                    _message(json.dumps(it).encode(), it["id"], it["type"]),
                    it["type"],
                    timeout=CONFIRM_S,
                )
                for it in events
            )
        )

    async def deliveries(self, subscriber: str) -> AsyncGenerator[Delivery, None]:
        """What comes out of a subscriber's queue."""
        await self.channel.set_qos(prefetch_count=PREFETCH)
        queue = await self.channel.get_queue(self._queue(subscriber), ensure=False)
        async with queue.iterator() as messages:
            async for message in messages:
                yield Delivery(message, self.channel, queue.name)

    def _queue(self, subscriber: str) -> str:
        return f"{self.project}.{subscriber}"


def _message(
    body: bytes, id: str | None, type: str | None, headers: dict[str, Any] | None = None
) -> aio_pika.Message:
    return aio_pika.Message(
        body,
        headers=headers,
        content_type="application/cloudevents+json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=id,
        type=type,
    )


@asynccontextmanager
async def connect(settings: Settings, project: str) -> AsyncIterator[RabbitMQ]:
    """Open a connection; after a failure of it, open another."""
    connection = await aio_pika.connect(settings.url("rabbitmq"), timeout=CONNECT_S)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.declare_exchange(
            f"{project}.events", aio_pika.ExchangeType.TOPIC, durable=True
        )
        yield RabbitMQ(channel, exchange, project)
