"""Publishing: an event is stored in the outbox, in the transaction of the change that caused it."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.db.database import Connection
from services.common.messaging import outbox
from services.common.messaging.envelope import Envelope, Event
from services.common.models import Record
from services.common.observability import tracing
from services.common.runtime import Runtime
from services.common.transaction import Operation
from services.common.utils import new_id


@dataclass(frozen=True)
class PublishedEvent:
    """An event that a service publishes, and the services that it goes to. Implements `transaction.Effect`."""

    name: str
    content: type[Event]
    on: tuple[Operation, ...]
    """The operations that cause it."""
    subscribers: tuple[str, ...] = ()

    async def store(self, connection: Connection, runtime: Runtime, record: Record) -> None:
        """Add it to the outbox."""
        content = self.content.model_validate(record, from_attributes=True)
        envelope = Envelope(
            id=new_id(),
            source=f"/{runtime.service}",
            type=self.name,
            subject=record.id,
            time=record.updated_at,
            sequence=record.version,
            data=content.model_dump(mode="json", exclude={"id"}),
            traceparent=tracing.current_traceparent(),
        )
        await outbox.add(connection, envelope, self.subscribers)

    def after_commit(self, runtime: Runtime, record: Record) -> None:
        """Deliver it without waiting for the next poll."""
        runtime.notify_workers()
