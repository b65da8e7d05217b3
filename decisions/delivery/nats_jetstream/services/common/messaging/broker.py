"""NATS with JetStream: a stream for all events, and a durable consumer for each subscriber."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import nats
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as FetchTimeout
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy, Header, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from services.common.config import Settings

CONNECT_TIMEOUT_S = 5
CONFIRM_TIMEOUT_S = 30.0
FETCH_SIZE = 20
FETCH_TIMEOUT_S = 5.0
ACK_WAIT_S = 10.0
"""After which an unacknowledged message is delivered again."""
RETENTION_S = 30 * 86_400.0
"""How long the stream keeps an event, and so how long a subscriber may be down."""


@dataclass(frozen=True)
class Delivery:
    """A message of the stream."""

    message: Msg
    stream: JetStreamContext
    dead: str

    @property
    def body(self) -> bytes:
        return self.message.data

    async def acknowledge(self) -> None:
        await self.message.ack()

    async def dead_letter(self, reason: str) -> None:
        headers = {"Reason": " ".join(reason.split())}  # a header is one line
        await self.stream.publish(self.dead, self.body, timeout=CONFIRM_TIMEOUT_S, headers=headers)
        await self.message.ack()


class JetStream:
    """An open connection."""

    def __init__(self, connection: Connection, project: str) -> None:
        self.connection = connection
        self.stream = connection.jetstream()
        self.project = project

    @property
    def max_event_bytes(self) -> int:
        return self.connection.max_payload - 1024  # the headers count, too

    async def subscribe(self, subscriber: str, types: Collection[str]) -> None:
        """Create the streams and the consumer of a subscriber; existing ones stay as they are.

        The stream keeps messages for a fixed time, acknowledged or not: with retention by interest, a server that
        starts or stops knows no consumers, and drops what it has confirmed. The consumer exists before the first
        event for it, and receives all types: the listener skips the others.
        """
        events, dead = self.project, f"{self.project}-dead"
        await self._create_stream(events, f"{self.project}.events.>", RETENTION_S)
        await self._create_stream(dead, f"{self.project}.dead.>", None)
        try:
            await self.stream.consumer_info(events, subscriber)
        except NotFoundError:
            await self.stream.add_consumer(
                events,
                ConsumerConfig(
                    durable_name=subscriber,
                    ack_wait=ACK_WAIT_S,
                    deliver_policy=DeliverPolicy.NEW,
                ),
            )

    async def publish(self, events: Sequence[dict[str, Any]]) -> None:
        """Publish all at once and wait until each is stored; one that was stored before is not stored again."""
        await asyncio.gather(
            *(
                self.stream.publish(
                    f"{self.project}.events.{it['type']}",
                    json.dumps(it).encode(),
                    timeout=CONFIRM_TIMEOUT_S,
                    headers={
                        Header.MSG_ID: it["id"],
                        "Content-Type": "application/cloudevents+json",
                    },
                )
                for it in events
            )
        )

    async def deliveries(self, subscriber: str) -> AsyncGenerator[Delivery, None]:
        """The messages that the consumer of a subscriber has not acknowledged yet."""
        consumer = await self.stream.pull_subscribe_bind(subscriber, stream=self.project)
        while True:
            try:
                messages = await consumer.fetch(FETCH_SIZE, timeout=FETCH_TIMEOUT_S)
            except FetchTimeout:
                if not self.connection.is_connected:
                    return
                await self.stream.consumer_info(self.project, subscriber)  # raises if it is gone
                continue
            fetched = deque(messages)
            try:
                while fetched:
                    message = fetched.popleft()
                    yield Delivery(message, self.stream, f"{self.project}.dead.{subscriber}")
            finally:
                with suppress(NatsError):  # after an orderly end, the next one need not wait
                    for message in fetched:
                        await message.nak()

    async def _create_stream(self, name: str, subjects: str, max_age: float | None) -> None:
        try:
            await self.stream.stream_info(name)
        except NotFoundError:
            await self.stream.add_stream(
                StreamConfig(
                    name=name, subjects=[subjects], max_age=max_age, storage=StorageType.FILE
                )
            )


@asynccontextmanager
async def connect(settings: Settings, project: str) -> AsyncIterator[JetStream]:
    """Open a connection; after any failure of it, open another."""
    connection = await nats.connect(
        settings.url("nats"),
        allow_reconnect=False,
        connect_timeout=CONNECT_TIMEOUT_S,
        error_cb=_ignore,
    )
    try:
        yield JetStream(connection, project)
    finally:
        await connection.close()


async def _ignore(_: Exception) -> None:
    """The user of the connection gets an exception as well."""
