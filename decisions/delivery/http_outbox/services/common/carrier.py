"""Events go over HTTP, from the outbox of their publisher to each subscriber."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import APIRouter, Depends

from services.common import boxes
from services.common.clients import IDEMPOTENCY_KEY, Client, Rejected
from services.common.config import Settings
from services.common.consumers import Consumer
from services.common.envelopes import Envelope
from services.common.messaging import PATIENCE, POSTPONED, Relay
from services.common.runtime import Runtime, RuntimeDep
from services.common.security import only_services
from services.common.storage import Database
from services.common.utils import now

log = structlog.get_logger()

TIMEOUT_S = 30.0
"""Longer than a call: what a subscriber does about an event may call others in turn."""


class HttpRelay(Relay):
    """Deliver what waits for one subscriber."""

    def __init__(self, database: Database, client: Client, poll_s: float) -> None:
        super().__init__(database, client.name, poll_s)
        self.client = client

    async def deliver(self) -> None:
        """Send what waits, oldest first, until nothing does.

        Raises:
            Away: The subscriber cannot take it now; what was not taken stays, in order.
        """
        while it := await self._oldest():
            try:
                headers = {IDEMPOTENCY_KEY: it.event["id"]}
                await self.client.request(
                    "POST", "/internal/events", json=it.event, headers=headers, timeout=TIMEOUT_S
                )
            except Rejected as error:
                await self._refused(it, error)
            else:
                async with self.database.write() as connection:
                    await boxes.took(connection, [it.position])

    async def _oldest(self) -> boxes.Waiting | None:
        async with self.database.read() as connection:
            return await boxes.oldest_due(connection, self.name)

    async def _refused(self, it: boxes.Waiting, error: Rejected) -> None:
        async with self.database.write() as connection:
            if error.status == HTTPStatus.CONFLICT and _is_young(it.event):
                # Another event may still bring what this one refers to; the rest need not wait.
                return await boxes.postpone(connection, it.position, now() + POSTPONED)
            await boxes.reject(connection, [it.position], str(error)[:500])
        log.error("event rejected", subscriber=self.name, error=str(error))


def _is_young(event: dict[str, Any]) -> bool:
    return now() - datetime.fromisoformat(event["time"]) < PATIENCE


def relays(runtime: Runtime, subscribers: Sequence[str], settings: Settings) -> tuple[Relay, ...]:
    """What delivers the events of a service: a relay for each of its subscribers."""
    poll_s = settings.outbox_poll_s
    return tuple(HttpRelay(runtime.database, runtime.clients[name], poll_s) for name in subscribers)


def routes(consumer: Consumer) -> APIRouter:
    """Where the events of others arrive, each as a request."""
    router = APIRouter(dependencies=[Depends(only_services)], include_in_schema=False)

    @router.post("/internal/events", status_code=204)
    async def receive(envelope: Envelope, runtime: RuntimeDep) -> None:
        """Take an event; a second delivery of it changes nothing."""
        await consumer.handle(envelope, runtime)

    return router


@asynccontextmanager
async def listening(
    consumer: Consumer, runtime: Runtime, settings: Settings
) -> AsyncIterator[None]:
    """Nothing is listened to: events come as requests."""
    yield
