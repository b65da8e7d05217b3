"""What a service does about the events of others: keep copies, and react."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.common import records, tracing
from services.common.boxes import is_new, keep_copy, was_handled
from services.common.envelopes import Envelope, Event
from services.common.models import Model
from services.common.rules import Rules
from services.common.runtime import Runtime
from services.common.storage import Connection


@dataclass(frozen=True)
class ReadCopy:
    """A copy of another service's entity, and the events that keep it up to date."""

    entity: str
    saved: str
    removed: str


@dataclass(frozen=True)
class Reaction:
    """A record that is created because of an event."""

    event: str
    content: type[Event]
    creates: type[records.Collection[Any, Any]]
    propose: Callable[[Any], Model]
    """The draft that the event becomes, unless the rules say otherwise."""
    rules: Rules


Act = Callable[[Connection], Awaitable[Sequence[records.Change]]]
"""Write what is to be written about an event, in the transaction that remembers it as handled; give the changes."""


class Handler(Protocol):
    """Something else that a service does about what it is sent."""

    @property
    def types(self) -> Sequence[str]:
        """The events that it does something about."""

    async def prepare(self, envelope: Envelope, runtime: Runtime) -> Act | None:
        """Do what needs other services, before a transaction begins; what is left to do is written in it."""

    def running(self, runtime: Runtime) -> AbstractAsyncContextManager[None]:
        """What it does by itself, for the duration of a `with` block."""


class Consumer:
    """Handle each event once, in one transaction with what handling it stores."""

    def __init__(
        self,
        *,
        copies: tuple[ReadCopy, ...] = (),
        reactions: tuple[Reaction, ...] = (),
        handlers: tuple[Handler, ...] = (),
    ) -> None:
        self.copies = copies
        self.reactions = {reaction.event: reaction for reaction in reactions}
        self.handlers = handlers

    @property
    def types(self) -> set[str]:
        """The events that it does something about."""
        copied = {type for copy in self.copies for type in (copy.saved, copy.removed)}
        return copied.union(self.reactions, *(handler.types for handler in self.handlers))

    @asynccontextmanager
    async def running(self, runtime: Runtime) -> AsyncIterator[None]:
        """What its handlers do by themselves, for the duration of a `with` block."""
        async with AsyncExitStack() as stack:
            for handler in self.handlers:
                await stack.enter_async_context(handler.running(runtime))
            yield

    async def handle(self, envelope: Envelope, runtime: Runtime) -> None:
        """Do what the event asks for; one that nothing here asks about is done with at once."""
        with tracing.handling(runtime.service, envelope.type, envelope.traceparent):
            await self._handle(envelope, runtime)

    async def _handle(self, envelope: Envelope, runtime: Runtime) -> None:
        async with runtime.database.read() as connection:
            if await was_handled(connection, envelope.id):
                return
        acts = [act async for act in self._prepared(envelope, runtime)]
        async with runtime.database.write() as connection:
            if not await is_new(connection, envelope.id):
                return
            for copy in self.copies:
                if envelope.type in (copy.saved, copy.removed):
                    removed = envelope.type == copy.removed
                    await keep_copy(connection, copy.entity, envelope, removed=removed)
            changes = [change for act in acts for change in await act(connection)]
        for change in changes:
            change.take_up()
        runtime.wake()

    async def _prepared(self, envelope: Envelope, runtime: Runtime) -> AsyncIterator[Act]:
        if reaction := self.reactions.get(envelope.type):
            if act := await self._react(reaction, envelope, runtime):
                yield act
        for handler in self.handlers:
            if envelope.type in handler.types and (act := await handler.prepare(envelope, runtime)):
                yield act

    async def _react(self, reaction: Reaction, envelope: Envelope, runtime: Runtime) -> Act | None:
        try:
            event = reaction.content.model_validate({**envelope.data, "id": envelope.subject})
        except ValidationError as error:  # an answer of 500 would have it sent again for ever
            raise RequestValidationError(error.errors()) from error
        proposed = reaction.propose(event)
        draft = await reaction.rules.apply(
            "reacting", proposed, event=event, draft=proposed, **runtime.offered
        )
        if draft is None:
            return None
        collection = reaction.creates(runtime)
        change = records.Change(collection, "create", await collection.prepare(draft))

        async def act(connection: Connection) -> Sequence[records.Change]:
            await change.store(connection)
            return (change,)

        return act
