"""The part of a service that tells the others what happened, and does something about what they tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import APIRouter

from services.common import carrier as installed_carrier
from services.common.config import Settings
from services.common.consumers import Consumer
from services.common.messaging import Relay
from services.common.runtime import Runtime


class Carrier(Protocol):
    """What a choice of delivery provides, in `carrier.py`: how events leave a service, and how they arrive."""

    def relays(
        self, runtime: Runtime, subscribers: Sequence[str], settings: Settings
    ) -> tuple[Relay, ...]:
        """What empties the outbox of a service."""

    def routes(self, consumer: Consumer) -> APIRouter:
        """Where the events of others arrive, if they come as requests."""

    def listening(
        self, consumer: Consumer, runtime: Runtime, settings: Settings
    ) -> AbstractAsyncContextManager[None]:
        """Take the events of others, if they must be fetched, for the duration of a `with` block."""


CARRIER: Carrier = installed_carrier


@dataclass(frozen=True)
class Events:
    """What a service publishes and hears, beside its routes."""

    subscribers: Sequence[str] = ()
    """The services that its events go to."""
    consumer: Consumer = field(default_factory=Consumer)

    def routes(self) -> APIRouter:
        """Where the events of others arrive, if they come as requests."""
        return CARRIER.routes(self.consumer)

    @asynccontextmanager
    async def running(self, runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
        """Deliver and take events for the duration of a `with` block."""
        relays = CARRIER.relays(runtime, self.subscribers, settings)
        runtime.errands.extend(relays)
        async with AsyncExitStack() as stack:
            for relay in relays:
                await stack.enter_async_context(relay.running())
            await stack.enter_async_context(self.consumer.running(runtime))
            await stack.enter_async_context(CARRIER.listening(self.consumer, runtime, settings))
            yield
