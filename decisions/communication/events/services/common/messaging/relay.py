"""The relay delivers the outbox of a service: each event at least once, in order but for those that a subscriber rejects."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from services.common.db.database import Connection
from services.common.messaging import outbox
from services.common.messaging.envelope import OutboxMessage
from services.common.messaging.polling import PollingWorker
from services.common.runtime import Runtime

log = structlog.get_logger()


class Relay(PollingWorker):
    """Delivers the outbox of a service. Implements `runtime.BackgroundWorker`; each choice of delivery adds `drain`."""

    failed_event = "delivery_failed"

    def __init__(self, runtime: Runtime, name: str, poll_s: float, **log_fields: str) -> None:
        super().__init__(runtime, poll_s, **log_fields)
        self.database = runtime.database
        self.name = name
        """The subscriber or broker that it delivers to, in metrics."""

    async def reject(
        self, connection: Connection, messages: Sequence[OutboxMessage], reason: str
    ) -> None:
        """Reject messages, which are then delivered only if they are replayed."""
        await outbox.mark_rejected(connection, [it.position for it in messages], reason[:500])
        for it in messages:
            about = {"subscriber": it.subscriber, "id": it.event["id"], "type": it.event["type"]}
            log.error("delivery_rejected", service=self.runtime.service, **about, error=reason)
