"""The component of a service that delivers its events and handles those of other services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from services.common.api.endpoint import Endpoint
from services.common.messaging import transport
from services.common.messaging.consumer import Consumer
from services.common.messaging.relay import Relay
from services.common.messaging.retries import RetryWorker
from services.common.runtime import Runtime


class Transport(Protocol):
    """What each choice of delivery provides in `transport.py`."""

    def relays(self, runtime: Runtime, subscribers: Sequence[str]) -> tuple[Relay, ...]:
        """What drains the outbox of a service."""

    def endpoints(self, consumer: Consumer) -> Sequence[Endpoint]:
        """Where events arrive, if they come as requests."""

    def listen(self, consumer: Consumer, runtime: Runtime) -> AbstractAsyncContextManager[None]:
        """Receive events, if they must be fetched, for the duration of a `with` block."""


TRANSPORT: Transport = transport
"""The module `transport.py` that the choice of delivery brought; mypy checks here that it has all that is needed."""


@dataclass(frozen=True)
class Messaging:
    """The events that a service publishes and consumes. Implements `base.Component`."""

    subscribers: Sequence[str] = ()
    """The services that its events go to."""
    consumer: Consumer = field(default_factory=Consumer)

    def endpoints(self) -> Sequence[Endpoint]:
        """Where events arrive, if they come as requests."""
        return TRANSPORT.endpoints(self.consumer)

    @asynccontextmanager
    async def lifespan(self, runtime: Runtime) -> AsyncIterator[None]:
        """Deliver and receive events for the duration of a `with` block."""
        relays = TRANSPORT.relays(runtime, self.subscribers)
        runtime.workers.extend(relays)
        async with AsyncExitStack() as stack:
            for relay in relays:
                await stack.enter_async_context(relay.lifespan())
            if self.consumer.types:
                retries = RetryWorker(self.consumer, runtime, runtime.settings.outbox_poll_s)
                await stack.enter_async_context(retries.lifespan())
            await stack.enter_async_context(self.consumer.lifespan(runtime))
            await stack.enter_async_context(TRANSPORT.listen(self.consumer, runtime))
            yield
