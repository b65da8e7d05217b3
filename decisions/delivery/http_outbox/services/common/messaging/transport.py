"""Events are delivered over HTTP, from the outbox of their publisher to each subscriber."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog
from pydantic import ValidationError

from services.common.api.endpoint import Endpoint, EndpointRequest, EndpointResponse
from services.common.auth import identification
from services.common.clients.client import IDEMPOTENCY_KEY, Client
from services.common.clients.errors import CallRejected
from services.common.config import Settings
from services.common.db.database import Database
from services.common.messaging import outbox, retries
from services.common.messaging.consumer import Consumer, InvalidEvent
from services.common.messaging.envelope import Envelope, OutboxMessage
from services.common.messaging.relay import Relay
from services.common.runtime import Runtime
from services.common.utils import now

log = structlog.get_logger()

PATH = "/internal/events"
TIMEOUT_S = 30.0
"""Longer than for other calls: what a subscriber does about an event may call other services."""
RETRY_REJECTED_AFTER = timedelta(seconds=5)
"""The first pause before an event is sent again that a subscriber rejected; they grow with the age of the event."""
RETRY_REJECTED_FOR = timedelta(minutes=10)
"""For how long it is sent again, counted from when the event happened."""


class HttpRelay(Relay):
    """Deliver the outbox to one subscriber."""

    def __init__(self, database: Database, client: Client, poll_s: float) -> None:
        super().__init__(database, client.name, poll_s)
        self.client = client

    async def drain(self) -> None:
        """Deliver until nothing waits, oldest first.

        Raises:
            ServiceUnavailable: The subscriber does not answer; the events stay in the outbox, in order.
        """
        while message := await self._next():
            try:
                headers = {IDEMPOTENCY_KEY: message.event["id"]}
                await self.client.request(
                    "POST", PATH, json=message.event, headers=headers, timeout=TIMEOUT_S
                )
            except CallRejected as error:
                await self._rejected(message, error)
            else:
                async with self.database.write() as connection:
                    await outbox.remove_delivered(connection, [message.position])

    async def _next(self) -> OutboxMessage | None:
        async with self.database.read() as connection:
            return await outbox.next_due(connection, self.name)

    async def _rejected(self, message: OutboxMessage, error: CallRejected) -> None:
        age = now() - datetime.fromisoformat(message.event["time"])
        async with self.database.write() as connection:
            if error.status != HTTPStatus.UNPROCESSABLE_ENTITY and age < RETRY_REJECTED_FOR:
                # It may be because of the version that runs there now; the others need not wait.
                until = now() + max(age, RETRY_REJECTED_AFTER)
                return await outbox.postpone(connection, message.position, until)
            await outbox.mark_rejected(connection, [message.position], str(error)[:500])
        log.error("event_rejected", subscriber=self.name, error=str(error))


def relays(runtime: Runtime, subscribers: Sequence[str], settings: Settings) -> tuple[Relay, ...]:
    """What drains the outbox of a service: a relay for each subscriber."""
    poll_s = settings.outbox_poll_s
    return tuple(HttpRelay(runtime.database, runtime.clients[name], poll_s) for name in subscribers)


def endpoints(consumer: Consumer) -> Sequence[Endpoint]:
    """Where the events of other services arrive."""

    async def receive(request: EndpointRequest) -> EndpointResponse:
        caller = await identification.identify(request.headers, request.settings)
        identification.require_service(caller)
        try:
            envelope = Envelope.model_validate_json(request.body)
        except ValidationError as error:
            raise InvalidEvent.because(error) from error
        await retries.receive(consumer, envelope, request.runtime)
        return EndpointResponse()

    return [Endpoint("POST", PATH, receive)]


@asynccontextmanager
async def listen(consumer: Consumer, runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Nothing is fetched: events arrive as requests."""
    yield
