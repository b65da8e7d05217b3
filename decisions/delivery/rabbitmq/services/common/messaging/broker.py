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
from aio_pika.connection import Connection, make_url

from services.common.config import Settings

CONNECT_TIMEOUT_S = 5.0
CONFIRM_TIMEOUT_S = 30.0
PREFETCH = 50
QUORUM: dict[str, FieldValue] = {"x-queue-type": "quorum"}
"""Quorum queues: on disk, and replicated where there are several nodes, before the broker confirms."""


@dataclass(frozen=True)
class Delivery:
    """A message from the queue of a subscriber."""

    message: AbstractIncomingMessage
    channel: AbstractChannel
    queue: str

    @property
    def body(self) -> bytes:
        return self.message.body

    async def acknowledge(self) -> None:
        await self.message.ack()

    async def dead_letter(self, reason: str) -> None:
        """Publish it to another queue, and acknowledge it here once that is confirmed."""
        moved = _message(
            self.body, self.message.message_id, self.message.type, {"x-reason": reason}
        )
        await self.channel.default_exchange.publish(
            moved, f"{self.queue}.dead", timeout=CONFIRM_TIMEOUT_S
        )
        await self.message.ack()


class RabbitMQ:
    """An open connection."""

    max_event_bytes = 16 * 1024 * 1024  # the default `max_message_size` of the server

    def __init__(self, channel: AbstractChannel, exchange: AbstractExchange, project: str) -> None:
        self.channel = channel
        self.exchange = exchange
        self.project = project

    async def subscribe(self, subscriber: str, types: Collection[str]) -> None:
        """Declare the queue of a subscriber, its dead-letter queue, and its bindings."""
        name = self._queue(subscriber)
        # A single active consumer keeps the order, however many instances of the service run.
        queue = await self.channel.declare_queue(
            name, durable=True, arguments=QUORUM | {"x-single-active-consumer": True}
        )
        await self.channel.declare_queue(f"{name}.dead", durable=True, arguments=QUORUM)
        for type in types:
            await queue.bind(self.exchange, type)

    async def publish(self, events: Sequence[dict[str, Any]]) -> None:
        """Publish all at once and wait until each is confirmed; an event that no queue receives is an error."""
        await asyncio.gather(
            *(
                self.exchange.publish(
                    _message(json.dumps(it).encode(), it["id"], it["type"]),
                    it["type"],
                    timeout=CONFIRM_TIMEOUT_S,
                )
                for it in events
            )
        )

    async def deliveries(self, subscriber: str) -> AsyncGenerator[Delivery, None]:
        """The messages in the queue of a subscriber."""
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
    """Open a connection; after any failure of it, open another."""
    # `aio_pika.connect` would leave a connection that fails to the garbage collector, which cannot wait for its end.
    async with Connection(make_url(settings.url("rabbitmq"))) as connection:
        await connection.connect(timeout=CONNECT_TIMEOUT_S)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.declare_exchange(
            f"{project}.events", aio_pika.ExchangeType.TOPIC, durable=True
        )
        yield RabbitMQ(channel, exchange, project)
