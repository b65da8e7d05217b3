"""An event that cannot be handled holds up no other: it is tried again, rejected, listed and replayed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from services.common.errors import RuleViolation, ServiceUnavailable, UnknownReference
from services.common.messaging import inbox, outbox, retries, unhandled
from services.common.messaging.consumer import Action, Consumer, Handler, InvalidEvent
from services.common.messaging.envelope import Envelope, UnhandledEvent
from services.common.runtime import Runtime
from services.common.transaction import Transaction
from services.common.utils import new_id, now
from scripts import messages
from tests.fixtures import stored
from tests.fixtures.facts import DATABASES
from tests.fixtures.system import System, an_event

HANDLED, ORDERED = "thing.noted", "thing.ordered"


class Failing(Handler):
    """Fails with each error in turn, and then handles what comes."""

    def __init__(self, type: str, *errors: Exception) -> None:
        self.type = type
        self.errors = [*errors]
        self.handled: list[UUID] = []

    @property
    def types(self) -> tuple[str, ...]:
        return (self.type,)

    @property
    def in_order(self) -> bool:
        return self.type == ORDERED

    async def prepare(self, envelope: Envelope, runtime: Runtime) -> Action | None:
        if self.errors:
            raise self.errors.pop(0)

        async def action(transaction: Transaction) -> None:
            self.handled.append(envelope.id)

        return action


@pytest_asyncio.fixture(loop_scope="session")
async def runtime(system: System, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runtime]:
    """A service that tries again at once, and that keeps nothing afterwards."""
    monkeypatch.setattr(retries, "FIRST_PAUSE", timedelta())
    monkeypatch.setattr(retries, "PAUSE_WHILE_UNAVAILABLE", timedelta())
    runtime = system.runtime(DATABASES[0])
    yield runtime
    async with runtime.database.write() as connection:
        for it in await unhandled.all_events(connection):
            await unhandled.remove(connection, it.position)
    await stored.forget(runtime.database, "somebody")


async def kept(runtime: Runtime) -> list[UnhandledEvent]:
    async with runtime.database.read() as connection:
        return [*await unhandled.all_events(connection)]


@pytest.mark.parametrize(
    "error", [RuntimeError("oops"), RuleViolation("no"), UnknownReference("?")]
)
async def test_an_event_that_fails_holds_up_no_other_and_is_tried_again(
    runtime: Runtime, error: Exception
) -> None:
    handler, first, second = Failing(HANDLED, error, error), an_event(HANDLED), an_event(HANDLED)
    consumer = Consumer(handler)
    with capture_logs() as lines:
        for _ in range(2):  # a redelivery is kept once
            handler.errors = [error]
            await retries.receive(consumer, first, runtime)
        await retries.receive(consumer, second, runtime)
    assert handler.handled == [second.id]
    (waiting,) = await kept(runtime)
    assert (waiting.envelope, waiting.tries, waiting.rejected) == (first, 1, False)
    assert waiting.reason == f"{type(error).__name__}: {error}"
    assert [(it["event"], it["id"], it["log_level"]) for it in lines] == [
        ("event_failed", str(first.id), "warning")
    ] * 2
    await retries.RetryWorker(consumer, runtime, 1.0).drain()
    assert handler.handled == [second.id, first.id]
    assert await kept(runtime) == []


async def test_pauses_grow_and_an_event_that_fails_too_often_is_rejected(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, at = timedelta(minutes=1), now()
    monkeypatch.setattr(retries, "FIRST_PAUSE", first)
    failures = [
        retries.failure_of(RuntimeError("oops"), tries) for tries in range(retries.MAX_TRIES)
    ]
    assert [round((it.due_at - at) / first) for it in failures] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert [it.tries for it in failures] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [it.rejected for it in failures] == [False] * 7 + [True]
    monkeypatch.setattr(retries, "PAUSE_WHILE_UNAVAILABLE", first)
    waiting = retries.failure_of(ServiceUnavailable("gone"), 3)
    assert (waiting.tries, round((waiting.due_at - at) / first)) == (3, 1)
    monkeypatch.setattr(retries, "FIRST_PAUSE", timedelta())
    errors = [RuntimeError("oops")] * retries.MAX_TRIES
    consumer, event = Consumer(Failing(HANDLED, *errors)), an_event(HANDLED)
    await retries.receive(consumer, event, runtime)
    with capture_logs() as lines:
        await retries.RetryWorker(consumer, runtime, 1.0).drain()
    (event_kept,) = await kept(runtime)
    assert (event_kept.tries, event_kept.rejected) == (retries.MAX_TRIES, True)
    told = {it: lines[-1][it] for it in ("event", "id", "tries", "log_level")}
    assert told == {
        "event": "event_rejected",
        "id": str(event.id),
        "tries": retries.MAX_TRIES,
        "log_level": "error",
    }
    async with runtime.database.read() as connection:
        assert await unhandled.counts(connection) == (0, 1)


async def test_an_event_whose_content_is_wrong_is_rejected_at_once(runtime: Runtime) -> None:
    consumer = Consumer(Failing(HANDLED, InvalidEvent("price: missing " + "x" * 1000)))
    await retries.receive(consumer, an_event(HANDLED), runtime)
    (event_kept,) = await kept(runtime)
    assert (event_kept.rejected, len(event_kept.reason)) == (True, retries.MAX_REASON_LENGTH)


@pytest.mark.parametrize("error", [ServiceUnavailable("gone"), ConnectionError("gone")])
async def test_others_wait_while_something_is_unavailable_but_not_for_ever(
    runtime: Runtime, error: Exception
) -> None:
    handler = Failing(HANDLED, *[error] * (retries.MAX_DELIVERIES + retries.MAX_TRIES))
    consumer, event = Consumer(handler), an_event(HANDLED)
    for _ in range(retries.MAX_DELIVERIES - 1):
        with pytest.raises(type(error)):
            await retries.receive(consumer, event, runtime)
    assert await kept(runtime) == []
    await retries.receive(consumer, event, runtime)
    await retries.RetryWorker(consumer, runtime, 1.0).drain()  # more often than an event may fail
    assert (handler.handled, await kept(runtime)) == ([event.id], [])
    assert not consumer.deliveries_while_unavailable


async def test_while_the_database_of_the_service_is_unavailable_everything_waits(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ServiceUnavailable("The database does not answer.")

    errors = [ServiceUnavailable("gone")] * 2 * retries.MAX_DELIVERIES
    consumer = Consumer(Failing(HANDLED, *errors))
    monkeypatch.setattr(type(runtime.database), "ping", fail)
    for _ in range(2 * retries.MAX_DELIVERIES):
        with pytest.raises(ServiceUnavailable, match="The database does not answer"):
            await retries.receive(consumer, an_event(HANDLED), runtime)
    assert await kept(runtime) == []


async def test_an_event_that_takes_too_long_counts_as_failed(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "TIMEOUT_S", 0)
    await retries.receive(Consumer(Failing(HANDLED)), an_event(HANDLED), runtime)
    assert [it.reason for it in await kept(runtime)] == ["TimeoutError: "]


async def test_an_event_behind_an_unhandled_one_is_not_due_at_once(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", timedelta(minutes=1))
    consumer, subject = Consumer(Failing(ORDERED, RuntimeError("oops"))), new_id()
    for _ in range(2):
        await retries.receive(consumer, an_event(ORDERED, subject=subject), runtime)
    first, second = await kept(runtime)
    assert [it.due_at > now() for it in (first, second)] == [True, True]
    async with runtime.database.write() as connection:
        assert not await unhandled.has_due(connection, now())
        assert await unhandled.has_due(connection, first.due_at)
        await unhandled.update(connection, second.position, due_at=now())
    monkeypatch.setattr(retries, "FIRST_PAUSE", 10 * retries.LEASE)
    assert await retries.try_again(consumer, runtime)
    (*_, second) = await kept(runtime)
    assert round((second.due_at - now()) / retries.LEASE) == 10  # longer than one that is tried


async def test_failures_are_logged_with_what_comes_next(runtime: Runtime) -> None:
    errors = RuntimeError("oops"), InvalidEvent("no")
    consumer, event = Consumer(Failing(HANDLED, *errors)), an_event(HANDLED)
    with capture_logs() as lines:
        await retries.receive(consumer, event, runtime)
        (waiting,) = await kept(runtime)
        await retries.try_again(consumer, runtime)
    failed, rejected = lines
    about = {"service": runtime.service, "id": str(event.id), "type": HANDLED}
    assert failed == about | {
        "event": "event_failed",
        "log_level": "warning",
        "retry_at": waiting.due_at.isoformat(timespec="seconds"),
        "error": "RuntimeError: oops",
    }
    assert rejected == about | {
        "event": "event_rejected",
        "log_level": "error",
        "tries": 2,
        "error": "InvalidEvent: no",
    }


async def test_events_that_wait_and_those_that_are_rejected_are_counted(runtime: Runtime) -> None:
    consumer = Consumer(Failing(HANDLED, RuntimeError("oops"), InvalidEvent("no")))
    for expected in ((1, 0), (1, 1)):
        await retries.receive(consumer, an_event(HANDLED), runtime)
        async with runtime.database.read() as connection:
            assert await unhandled.counts(connection) == expected


async def test_where_order_matters_events_about_one_record_wait_for_each_other(
    runtime: Runtime,
) -> None:
    subject = new_id()
    failing = Failing(ORDERED, RuntimeError("oops"))
    unordered = Failing(HANDLED)
    consumer = Consumer(failing, unordered)
    first, second = (an_event(ORDERED, subject=subject) for _ in range(2))
    other, same = an_event(ORDERED), an_event(HANDLED, subject=subject)
    for event in (first, second, other, same):
        await retries.receive(consumer, event, runtime)
    assert (failing.handled, unordered.handled) == ([other.id], [same.id])
    failing.errors = [InvalidEvent("no")]
    assert await retries.try_again(consumer, runtime)
    assert await retries.try_again(consumer, runtime)  # the second waits behind the first
    assert [(it.envelope.id, it.rejected) for it in await kept(runtime)] == [
        (first.id, True),
        (second.id, False),
    ]
    async with runtime.database.write() as connection:
        await messages.replay(connection, await messages.kept(connection))
    await retries.RetryWorker(consumer, runtime, 1.0).drain()
    assert failing.handled == [other.id, first.id, second.id]


async def test_old_ids_are_removed_from_the_inbox_once_an_hour(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[datetime] = []

    async def remove(_: object, before: datetime) -> None:
        forgotten.append(before)

    monkeypatch.setattr(inbox, "remove_before", remove)
    worker, at = retries.RetryWorker(Consumer(), runtime, 1.0), now()
    for passed in (timedelta(), timedelta(minutes=59), timedelta(minutes=60)):
        monkeypatch.setattr(retries, "now", lambda passed=passed: at + passed)
        await worker.drain()
    assert forgotten == [at - timedelta(days=90), at - timedelta(days=90) + timedelta(hours=1)]


async def test_an_event_that_another_process_retries_is_left_to_it(runtime: Runtime) -> None:
    consumer, event = Consumer(Failing(HANDLED, RuntimeError("oops"))), an_event(HANDLED)
    await retries.receive(consumer, event, runtime)

    class Nested(Failing):
        async def prepare(self, envelope: Envelope, runtime: Runtime) -> Action | None:
            assert not await retries.try_again(consumer, runtime)
            return await super().prepare(envelope, runtime)

    handler = Nested(HANDLED)
    assert await retries.try_again(Consumer(handler), runtime)
    assert handler.handled == [event.id]


async def test_what_another_process_takes_meanwhile_is_left_to_it(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def was_due(*_: object) -> bool:
        return True

    monkeypatch.setattr(unhandled, "has_due", was_due)
    assert not await retries.try_again(Consumer(Failing(HANDLED)), runtime)


async def test_messages_are_listed_replayed_and_discarded(runtime: Runtime) -> None:
    consumer = Consumer(Failing(HANDLED, *[InvalidEvent("no")] * 2))
    one, two, three = (an_event(HANDLED) for _ in range(3))
    mine = [str(it.id) for it in (one, two, three)]
    for event in (one, two):
        await retries.receive(consumer, event, runtime)
    async with runtime.database.write() as connection:
        await outbox.add(connection, three, ["somebody"])
        message = await outbox.next_due(connection, "somebody")
        assert message
        await outbox.postpone(connection, message.position, now() + timedelta(hours=1))
        await outbox.mark_rejected(connection, [message.position], "not known")
    async with runtime.database.write() as connection:
        found = [it for it in await messages.kept(connection) if it.id in mine]
        assert [it.id for it in found] == mine
        assert [(it.state, it.reason) for it in found] == [
            *[("rejected after 1 tries", "InvalidEvent: no")] * 2,
            ("rejected by somebody", "not known"),
        ]
        await messages.discard(connection, found[:1])
        await messages.replay(connection, found[1:])
        left = [it for it in await messages.kept(connection) if it.id in mine]
        again = await outbox.next_due(connection, "somebody")
    assert [(it.id, it.state.partition(" at ")[0]) for it in left] == [(str(two.id), "tried again")]
    assert again and again.event["id"] == str(three.id)
