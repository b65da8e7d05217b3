"""Consuming events: each is handled once, in one transaction with what its handlers store."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from http import HTTPStatus
from typing import Protocol
from uuid import UUID

from pydantic import ValidationError

from services.common.errors import ServiceError
from services.common.messaging import inbox
from services.common.messaging.envelope import Envelope
from services.common.observability import tracing
from services.common.runtime import Runtime
from services.common.transaction import Records, Transaction

Action = Callable[[Transaction], Awaitable[None]]
"""What a handler has prepared to store: it runs in the transaction that marks the event as handled."""


class InvalidEvent(ServiceError):
    """The content of an event is not what its publisher declared; sending it again does not help."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    @classmethod
    def because(cls, error: ValidationError) -> InvalidEvent:
        """The error with each wrong field in one line."""
        wrong = (f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in error.errors())
        return cls("; ".join(wrong))


class Handler(Protocol):
    """Something that a service does about events.

    It is split in two: `prepare` may call other services, and only then begins the transaction in which the action that
    it returns stores something. A transaction that waited for calls would keep others from writing.
    """

    @property
    def types(self) -> Sequence[str]:
        """The events that it handles."""

    async def prepare(self, envelope: Envelope, runtime: Runtime) -> Action | None:
        """Do what may call other services; the action that stores the outcome, or None if nothing is to be stored."""

    @property
    def in_order(self) -> bool:
        """Whether an event waits for an earlier one about the same record; unless overridden, it does not matter."""
        return False

    def lifespan(self, runtime: Runtime) -> AbstractAsyncContextManager[None]:
        """What runs in the background, for the duration of a `with` block: nothing, unless overridden."""
        return nullcontext()


class Consumer:
    """Pass each event to its handlers, in order."""

    def __init__(self, *handlers: Handler) -> None:
        self.handlers = handlers
        self.deliveries_while_away: Counter[UUID] = Counter()
        """How often events were delivered, by id, while something was away that they need."""

    @property
    def types(self) -> set[str]:
        """The events that it handles."""
        return {type for handler in self.handlers for type in handler.types}

    @property
    def types_in_order(self) -> set[str]:
        """The events that are handled in order, for each record."""
        return {type for handler in self.handlers if handler.in_order for type in handler.types}

    @asynccontextmanager
    async def lifespan(self, runtime: Runtime) -> AsyncIterator[None]:
        """Run the background work of its handlers, for the duration of a `with` block."""
        async with AsyncExitStack() as stack:
            for handler in self.handlers:
                await stack.enter_async_context(handler.lifespan(runtime))
            yield

    async def handle(self, envelope: Envelope, runtime: Runtime) -> None:
        """Handle an event; a redelivered one, or one without a handler, changes nothing."""
        with tracing.handling(runtime.service, envelope.type, envelope.traceparent):
            await self._handle(envelope, runtime)

    async def _handle(self, envelope: Envelope, runtime: Runtime) -> None:
        async with runtime.database.read() as connection:
            if await inbox.contains(connection, envelope.id):
                return
        prepared = [
            await handler.prepare(envelope, runtime)
            for handler in self.handlers
            if envelope.type in handler.types
        ]
        actions = [action for action in prepared if action is not None]
        async with Records(runtime).begin() as transaction:
            if not await inbox.add(transaction.connection, envelope.id):
                return
            for action in actions:
                await action(transaction)
        runtime.notify_workers()
