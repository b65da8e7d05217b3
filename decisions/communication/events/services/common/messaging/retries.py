"""What becomes of an event that a service cannot handle: none holds up those behind it.

An event that fails is tried again after growing pauses, and is set aside with the reason when it has failed too often; the
command `messages` lists what was set aside, and replays it. While something is away that an event needs, those behind it
wait as well, but not for ever: then it is passed over, and tried again for as long as that is away.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog

from services.common.errors import ServiceError, ServiceUnavailable
from services.common.messaging import unhandled
from services.common.messaging.consumer import Consumer
from services.common.messaging.envelope import Envelope, UnhandledEvent
from services.common.messaging.relay import Relay
from services.common.runtime import Runtime
from services.common.utils import now

log = structlog.get_logger()

TRIES = 8
"""How often an event is tried before it is set aside: for about ten minutes."""
FIRST_PAUSE = timedelta(seconds=5)
"""The pause after the first try; each pause is twice the one before."""
PAUSE_WHILE_AWAY = timedelta(seconds=30)
"""The pause while something is away that an event needs, which does not count as a try."""
PATIENCE = 5
"""How often an event that needs what is away is delivered before those behind it wait no longer."""
TIME_LIMIT_S = 20.0
"""How long a service may take to handle an event."""
LEASE = timedelta(seconds=60)
"""For how long no other process tries an event that one is trying."""
MAX_REASON_LENGTH = 500


@dataclass(frozen=True)
class Failure:
    """How an event failed, and what becomes of it."""

    tries: int
    reason: str
    due_at: datetime
    set_aside: bool = False


def failure_of(error: Exception, tries: int) -> Failure:
    """What becomes of an event that failed after so many tries: how it is tried again, or that it is set aside."""
    reason = f"{type(error).__name__}: {error}"[:MAX_REASON_LENGTH]
    if _is_away(error):
        return Failure(tries, reason, now() + PAUSE_WHILE_AWAY)
    # Where the content is not what was declared, trying again does not help.
    is_invalid = isinstance(error, ServiceError) and error.status == HTTPStatus.UNPROCESSABLE_ENTITY
    due_at = now() + FIRST_PAUSE * 2**tries
    return Failure(tries + 1, reason, due_at, set_aside=is_invalid or tries + 1 >= TRIES)


async def receive(consumer: Consumer, envelope: Envelope, runtime: Runtime) -> None:
    """Handle an event that was delivered, or keep it to be handled later.

    Raises:
        ServiceUnavailable: Something is away that it needs: deliver it again, and let those behind it wait.
    """
    if await _waits_behind_another(consumer, envelope, runtime):
        reason = "An earlier event about the same record was not handled."
        return await _keep(envelope, runtime, Failure(0, reason, now() + FIRST_PAUSE))
    try:
        await _handle(consumer, envelope, runtime)
    except Exception as error:
        if _is_away(error):
            await runtime.database.ping()  # without its database, a service cannot keep it
            consumer.deliveries_while_away[envelope.id] += 1
            if consumer.deliveries_while_away[envelope.id] < PATIENCE:
                raise
        await _keep(envelope, runtime, failure_of(error, tries=0))
    consumer.deliveries_while_away.pop(envelope.id, None)


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


class RetryWorker(Relay):
    """Tries again, in the background, the events that a service could not handle."""

    failure = "retry_polling_failed"

    def __init__(self, consumer: Consumer, runtime: Runtime, poll_s: float) -> None:
        super().__init__(runtime.database, runtime.service, poll_s)
        self.consumer = consumer
        self.runtime = runtime

    async def drain(self) -> None:
        """Try again what is due."""
        while await try_again(self.consumer, self.runtime):
            pass


async def _handle(consumer: Consumer, envelope: Envelope, runtime: Runtime) -> None:
    async with asyncio.timeout(TIME_LIMIT_S):
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


def _is_away(error: Exception) -> bool:
    """Whether something that was needed does not answer, which no event is to blame for."""
    return isinstance(error, (ServiceUnavailable, ConnectionError))


def _log(envelope: Envelope, runtime: Runtime, failure: Failure) -> None:
    told = {"service": runtime.service, "id": str(envelope.id), "type": envelope.type}
    if failure.set_aside:
        log.error("event_set_aside", **told, tries=failure.tries, error=failure.reason)
    else:
        retry_at = failure.due_at.isoformat(timespec="seconds")
        log.warning("event_failed", **told, retry_at=retry_at, error=failure.reason)
