"""What a service does about the events of others: keep copies, and react."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.common import tracing
from services.common.envelopes import Envelope, Event
from services.common.messaging import is_new, keep_copy, was_handled
from services.common.models import Model, Record
from services.common.records import Collection
from services.common.rules import Rules
from services.common.runtime import Runtime


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
    creates: type[Collection[Any, Any]]
    propose: Callable[[Any], Model]
    """The draft that the event becomes, unless the rules say otherwise."""
    rules: Rules


class Consumer:
    """Handle each event once, in one transaction with what handling it stores."""

    def __init__(
        self, *, copies: tuple[ReadCopy, ...] = (), reactions: tuple[Reaction, ...] = ()
    ) -> None:
        self.copies = copies
        self.reactions = {reaction.event: reaction for reaction in reactions}

    async def handle(self, envelope: Envelope, runtime: Runtime) -> None:
        """Do what the event asks for; one that nothing here asks about is done with at once."""
        with tracing.handling(runtime.service, envelope.type, envelope.traceparent):
            await self._handle(envelope, runtime)

    async def _handle(self, envelope: Envelope, runtime: Runtime) -> None:
        async with runtime.database.read() as connection:
            if await was_handled(connection, envelope.id):
                return
        prepared = await self._prepare(envelope, runtime)
        async with runtime.database.write() as connection:
            if not await is_new(connection, envelope.id):
                return
            for copy in self.copies:
                if envelope.type in (copy.saved, copy.removed):
                    removed = envelope.type == copy.removed
                    await keep_copy(connection, copy.entity, envelope, removed=removed)
            if prepared:
                collection, record = prepared
                await collection.add(connection, record)
        if prepared:
            collection.take_up("create", record)

    async def _prepare(
        self, envelope: Envelope, runtime: Runtime
    ) -> tuple[Collection[Any, Any], Record] | None:
        reaction = self.reactions.get(envelope.type)
        if reaction is None:
            return None
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
        return collection, await collection.prepare(draft)
