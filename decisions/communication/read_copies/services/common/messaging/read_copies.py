"""Read copies: what a service keeps of the records of other services, brought up to date by their events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.common.messaging import copy_store
from services.common.messaging.consumer import Action, Handler
from services.common.messaging.envelope import Envelope
from services.common.runtime import Runtime
from services.common.transaction import Transaction


@dataclass(frozen=True)
class ReadCopy(Handler):
    """The copy of an entity, and the events that bring it up to date."""

    entity: str
    saved: str
    removed: str

    @property
    def types(self) -> Sequence[str]:
        return self.saved, self.removed

    async def prepare(self, envelope: Envelope, runtime: Runtime) -> Action | None:
        """The copy needs nothing but the event."""

        async def action(transaction: Transaction) -> None:
            removed = envelope.type == self.removed
            await copy_store.save(transaction.connection, self.entity, envelope, removed=removed)

        return action
