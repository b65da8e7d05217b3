"""Retries of events that a service could not handle: none of them blocks the events behind it.

An event that fails is tried again after growing pauses, and is rejected with the reason when it has failed too often; the
command `messages` lists what was rejected, and replays it. While something is unavailable that an event needs, those
behind it wait as well, but not forever: then it is passed over, and tried again for as long as that is unavailable.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog

from services.common.errors import ServiceError, ServiceUnavailable
from services.common.messaging import inbox, unhandled
from services.common.messaging.consumer import Consumer
from services.common.messaging.envelope import Envelope, UnhandledEvent
from services.common.messaging.polling import PollingWorker
from services.common.runtime import Runtime
from services.common.utils import now

log = structlog.get_logger()

MAX_TRIES = 8
"""How often an event is tried before it is rejected: for about ten minutes."""
FIRST_PAUSE = timedelta(seconds=5)
"""The pause after the first try; each pause is twice the one before."""
PAUSE_WHILE_UNAVAILABLE = timedelta(seconds=30)
"""The pause while something is unavailable that an event needs, which does not count as a try."""
MAX_DELIVERIES = 5
"""How often an event that needs what is unavailable is delivered before those behind it wait no longer."""
TIMEOUT_S = 20.0
"""How long a service may take to handle an event."""
LEASE = timedelta(seconds=60)
"""How long an event that a process tries is reserved for that process."""
MAX_REASON_LENGTH = 500
REMEMBERED_FOR = timedelta(days=90)
"""How long the inbox keeps the ids of handled events; one that is delivered again later is handled again."""
FORGET_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class Failure:
    """How an event failed, and when it is tried again, if at all."""

    tries: int
    reason: str
    due_at: datetime
    rejected: bool = False


def failure_of(error: Exception, tries: int) -> Failure:
    """How an event that failed after so many tries is tried again, or that it is rejected."""
    reason = f"{type(error).__name__}: {error}"[:MAX_REASON_LENGTH]
    if _is_unavailable(error):
        return Failure(tries, reason, now() + PAUSE_WHILE_UNAVAILABLE)
    # Where the content is not what was declared, trying again does not help.
    is_invalid = isinstance(error, ServiceError) and error.status == HTTPStatus.UNPROCESSABLE_ENTITY
    due_at = now() + FIRST_PAUSE * 2**tries
    return Failure(tries + 1, reason, due_at, rejected=is_invalid or tries + 1 >= MAX_TRIES)


async def receive(consumer: Consumer, envelope: Envelope, runtime: Runtime) -> None:
    """Handle an event that was delivered, or keep it to be handled later.

    Raises:
        ServiceUnavailable, ConnectionError: Something is unavailable that it needs: deliver it again, and let those
            behind it wait.
    """
    if await _waits_behind_another(consumer, envelope, runtime):
        reason = "An earlier event about the same record was not handled."
        return await _keep(envelope, runtime, Failure(0, reason, now() + FIRST_PAUSE))
    try:
        await _handle(consumer, envelope, runtime)
    except Exception as error:
        if _is_unavailable(error):
            await runtime.database.ping()  # without its database, a service cannot keep it
            consumer.deliveries_while_unavailable[envelope.id] += 1
            if consumer.deliveries_while_unavailable[envelope.id] < MAX_DELIVERIES:
                raise
        await _keep(envelope, runtime, failure_of(error, tries=0))
    consumer.deliveries_while_unavailable.pop(envelope.id, None)


async def try_again(consumer: Consumer, runtime: Runtime) -> bool:
    """Handle the first event that is to be tried again now; false if there is none."""
    at, database = now(), runtime.database
    async with database.read() as connection:
        if not await unhandled.has_due(connection, at):
            return False
    async with database.write() as connection:
        event = await unhandled.next_due(connection, at)
        if event is None:
            return False
        await unhandled.update(connection, event.position, due_at=at + LEASE)
    if await _waits_behind_another(consumer, event.envelope, runtime, event):
        async with database.write() as connection:
            await unhandled.update(connection, event.position, due_at=at + FIRST_PAUSE)
        return True
    try:
        await _handle(consumer, event.envelope, runtime)
    except Exception as error:
        failure = failure_of(error, event.tries)
        async with database.write() as connection:
            await unhandled.update(connection, event.position, **asdict(failure))
        _log(event.envelope, runtime, failure)
    else:
        async with database.write() as connection:
            await unhandled.remove(connection, event.position)
    return True


class RetryWorker(PollingWorker):
    """Tries again, in the background, the events that a service could not handle."""

    failed_event = "retry_polling_failed"

    def __init__(self, consumer: Consumer, runtime: Runtime, poll_s: float) -> None:
        super().__init__(runtime, poll_s)
        self.consumer = consumer
        self._forget_at = now()

    async def drain(self) -> None:
        """Try again what is due, and now and then remove from the inbox what was handled long ago."""
        while await try_again(self.consumer, self.runtime):
            pass
        if now() >= self._forget_at:
            async with self.runtime.database.write() as connection:
                await inbox.remove_before(connection, now() - REMEMBERED_FOR)
            self._forget_at = now() + FORGET_EVERY


async def _handle(consumer: Consumer, envelope: Envelope, runtime: Runtime) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        await consumer.handle(envelope, runtime)


async def _keep(envelope: Envelope, runtime: Runtime, failure: Failure) -> None:
    async with runtime.database.write() as connection:
        await unhandled.add(connection, envelope, **asdict(failure))
    _log(envelope, runtime, failure)


async def _waits_behind_another(
    consumer: Consumer, envelope: Envelope, runtime: Runtime, this: UnhandledEvent | None = None
) -> bool:
    """Whether an earlier event about the same record must be handled before this one."""
    if envelope.type not in consumer.types_in_order:
        return False
    async with runtime.database.read() as connection:
        others = await unhandled.about(connection, envelope.subject)
    earlier = (it for it in others if this is None or it.position < this.position)
    return any(it.envelope.type in consumer.types_in_order for it in earlier)


def _is_unavailable(error: Exception) -> bool:
    """Whether it failed because a dependency is unavailable, and not because of the event."""
    return isinstance(error, (ServiceUnavailable, ConnectionError))


def _log(envelope: Envelope, runtime: Runtime, failure: Failure) -> None:
    about = {"service": runtime.service, "id": str(envelope.id), "type": envelope.type}
    if failure.rejected:
        log.error("event_rejected", **about, tries=failure.tries, error=failure.reason)
    else:
        retry_at = failure.due_at.isoformat(timespec="seconds")
        log.warning("event_failed", **about, retry_at=retry_at, error=failure.reason)
