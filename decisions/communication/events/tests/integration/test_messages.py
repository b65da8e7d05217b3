"""What waits in the outbox is given in order and counted; the inbox knows what was handled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from pydantic import ValidationError

from services.common.db.database import Database
from services.common.messaging import envelope, inbox, outbox
from services.common.messaging.consumer import InvalidEvent
from services.common.models import Model
from services.common.utils import new_id, now
from tests.fixtures import stored
from tests.fixtures.facts import DATABASES
from tests.fixtures.system import System, an_event

pytestmark = pytest.mark.parametrize("service", DATABASES)


class Inner(Model):
    number: int


class Outer(Model):
    inner: Inner
    label: str


@pytest_asyncio.fixture(loop_scope="session")
async def database(system: System, service: str) -> AsyncIterator[Database]:
    """The database of the service, with three messages to one subscriber and one to another."""
    database = system.runtime(service).database
    async with database.write() as connection:
        await outbox.add(connection, an_event(), ["first", "second"])
        await outbox.add(connection, an_event(), ["first"])
        await outbox.add(connection, an_event(), ["first"])
    yield database
    for subscriber in ("first", "second"):
        await stored.forget(database, subscriber)


async def positions(database: Database, subscriber: str) -> list[int]:
    async with database.read() as connection:
        messages = await outbox.oldest(connection, 1000)
    return [it.position for it in messages if it.subscriber == subscriber]


async def due(database: Database) -> int | None:
    async with database.read() as connection:
        message = await outbox.next_due(connection, "first")
    return message.position if message else None


async def test_the_oldest_message_comes_first(database: Database) -> None:
    first, *_ = waiting = await positions(database, "first")
    assert waiting == sorted(waiting)
    assert await due(database) == first
    async with database.read() as connection:
        assert len(await outbox.oldest(connection, 1)) == 1


async def test_a_postponed_message_is_overtaken_until_it_is_due(database: Database) -> None:
    first, second, third = await positions(database, "first")
    async with database.write() as connection:
        await outbox.postpone(connection, first, now() + timedelta(hours=1))
    assert await due(database) == second
    assert await positions(database, "first") == [first, second, third]
    async with database.write() as connection:
        await outbox.postpone(connection, first, now())
    assert await due(database) == first


async def test_a_delivered_message_is_gone_and_no_other(database: Database) -> None:
    first, second, third = await positions(database, "first")
    async with database.write() as connection:
        await outbox.remove_delivered(connection, [first, third])
    assert await positions(database, "first") == [second]
    async with database.write() as connection:
        await outbox.remove_delivered(connection, [second])
    assert await due(database) is None
    assert len(await positions(database, "second")) == 1


async def test_a_rejected_message_is_kept_with_its_reason_and_counted(database: Database) -> None:
    first, second, third = await positions(database, "first")
    async with database.write() as connection:
        await outbox.mark_rejected(connection, [first], "not wanted")
    assert await positions(database, "first") == [second, third]
    reasons = [reason for name, _, reason in await stored.waiting(database) if name == "first"]
    assert reasons == ["not wanted", None, None]
    async with database.read() as connection:
        counts = await outbox.counts(connection)
    assert (counts["first"], counts["second"]) == ((2, 1), (1, 0))


async def test_the_inbox_accepts_an_id_once(system: System, service: str) -> None:
    database, id = system.runtime(service).database, new_id()
    async with database.write() as connection:
        assert not await inbox.contains(connection, id)
        assert await inbox.add(connection, id)
    async with database.write() as connection:
        assert await inbox.contains(connection, id)
        assert not await inbox.contains(connection, new_id())
        assert not await inbox.add(connection, id)


async def test_old_ids_are_removed_from_the_inbox(
    system: System, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, at = system.runtime(service).database, now()
    days = {envelope.first_id(at - timedelta(days=age)): age for age in (3, 2, 1)}
    example = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)  # of RFC 9562, appendix A.6
    assert envelope.first_id(example) == UUID("017f22e2-79b0-0000-0000-000000000000")
    foreign = UUID("00000000-0000-4000-8000-000000000001")  # an id that is of no time
    async with database.write() as connection:
        for id, age in days.items():
            monkeypatch.setattr(inbox, "now", lambda age=age: at - timedelta(days=age))
            assert await inbox.add(connection, id)
        assert await inbox.add(connection, foreign)
    async with database.write() as connection:
        await inbox.remove_before(connection, at - timedelta(days=2))
    async with database.read() as connection:
        known = [age for id, age in days.items() if await inbox.contains(connection, id)]
        assert (known, await inbox.contains(connection, foreign)) == ([2, 1], True)


async def test_what_is_wrong_with_an_event_is_told_field_by_field(service: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"inner": {"number": "one"}})
    told = str(InvalidEvent.because(caught.value))
    number, label = told.split("; ")
    assert number.startswith("inner.number: Input should be a valid integer")
    assert label == "label: Field required"
