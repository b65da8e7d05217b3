"""A job that was asked for is done, however often whoever runs it ends; what it stores is stored once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from services.common import job_rows, runner
from services.common.job_rows import Row
from services.common.jobs import Every, Jobs, Work
from services.common.runner import SPARE, Triggered, Worker
from services.common.runtime import Runtime
from services.common.utils import now
from tests.fixtures import shop
from tests.fixtures.shop import Thing, ThingDraft, Things

LIMIT = timedelta(seconds=30)
OFTEN = Every(timedelta(minutes=15))


class Triggering(Things):
    """Things whose creation asks for the job."""

    effects = (Triggered("work", on=("create",)),)


class Clock:
    """The time, which passes when a test says so."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, span: timedelta) -> None:
        self.at += span


@pytest_asyncio.fixture(loop_scope="session")
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with shop.opened(tmp_path, job_rows.job_queue) as it:
        yield it


@pytest.fixture
def clock() -> Clock:
    return Clock(now() + timedelta(seconds=1))


def worker(jobs: Jobs, runtime: Runtime, clock: Clock, tries: int = 3) -> Worker:
    return Worker(jobs, runtime, limit_s=LIMIT.total_seconds(), tries=tries, clock=clock)


async def rows(runtime: Runtime, *, scheduled: bool = False) -> list[Row]:
    """The rows of the queue, oldest first."""
    query = sa.select(job_rows.job_queue).where(job_rows.job_queue.c.scheduled.is_(scheduled))
    async with runtime.database.read() as connection:
        found = (await connection.execute(query.order_by(job_rows.job_queue.c.created_at))).all()
    return [Row.model_validate(it._mapping) for it in found]


async def copying(record: Thing, work: Work) -> None:
    """A job whose effect can be counted; what it makes asks for no job."""
    if not record.label.endswith("done"):
        work.create(ThingDraft(label=f"{record.label} done"))


async def test_a_job_waits_exactly_if_the_change_was_committed(runtime: Runtime) -> None:
    things = Triggering(runtime)
    record = await things.create(ThingDraft(label="one"))
    lost = await things.prepare(ThingDraft(label="never"))
    with pytest.raises(RuntimeError, match="rolled back"):
        async with runtime.database.write() as connection:
            await things.add(connection, lost)
            raise RuntimeError("rolled back")
    (row,) = await rows(runtime)
    assert (row.job, row.content) == ("work", {"record": record.model_dump(mode="json")})


async def test_jobs_of_two_workers_are_each_done_once(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    async def working(record: Thing, work: Work) -> None:
        begun.append(record.label)
        await asyncio.sleep(0)
        work.create(ThingDraft(label=f"{record.label} done"))

    jobs = shop.jobs(monkeypatch, working)
    for number in range(20):
        await Triggering(runtime).create(ThingDraft(label=f"{number:02}"))
    clock.at = now()
    both = worker(jobs, runtime, clock), worker(jobs, runtime, clock)
    assert await asyncio.gather(*(it.work_off() for it in both)) == [0, 0]
    wanted = [f"{number:02}" for number in range(20)]
    assert sorted(begun) == wanted
    assert sorted(await Things(runtime).labels()) == sorted(
        [*wanted, *(f"{it} done" for it in wanted)]
    )
    assert await rows(runtime) == []


async def test_whoever_lost_the_lease_stores_nothing(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = worker(shop.jobs(monkeypatch, copying), runtime, clock)
    await Triggering(runtime).create(ThingDraft(label="one"))
    taken = await slow.take()
    assert taken
    clock.pass_by(LIMIT)
    assert await slow.take() is None
    clock.pass_by(SPARE)
    other = worker(slow.jobs, runtime, clock)
    assert await other.work_off() == 0
    logs = shop.listen(monkeypatch, runner)
    assert not await slow.run(taken)
    assert [it["event"] for it in logs] == ["job taken over"]
    assert await Things(runtime).labels() == ["one", "one done"]


async def test_a_job_that_fails_is_tried_again_later_and_then_set_aside(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    async def working(record: Thing, work: Work) -> None:
        nonlocal tries
        tries += 1
        work.create(ThingDraft(label="never"))
        raise RuntimeError("it went wrong")

    it = worker(shop.jobs(monkeypatch, working), runtime, clock)
    await Triggering(runtime).create(ThingDraft(label="one"))
    for pause in (2, 4):
        assert await it.work_off() == 1
        clock.pass_by(timedelta(seconds=pause - 1))
        assert await it.work_off() == 0
        clock.pass_by(timedelta(seconds=1))
    assert await it.work_off() == 1
    clock.pass_by(timedelta(days=1))
    assert await it.work_off() == 0
    (row,) = await rows(runtime)
    assert (tries, row.tries, row.rejected) == (3, 3, "RuntimeError('it went wrong')")
    assert await Things(runtime).labels() == ["one"]

    async with runtime.database.write() as connection:
        await job_rows.change(connection, row, rejected=None, tries=0)
    assert await worker(shop.jobs(monkeypatch, copying), runtime, clock).work_off() == 0
    assert await Things(runtime).labels() == ["one", "one done"]


async def test_a_job_that_ends_whoever_runs_it_is_set_aside(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = worker(shop.jobs(monkeypatch, copying), runtime, clock)
    await Triggering(runtime).create(ThingDraft(label="one"))
    for _ in range(3):
        assert await it.take()
        clock.pass_by(LIMIT + SPARE)
    assert await it.work_off() == 1
    (row,) = await rows(runtime)
    assert "ended before it did" in (row.rejected or "")
    assert await Things(runtime).labels() == ["one"]


async def test_whoever_is_told_to_end_leaves_the_job_to_others(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def working() -> None:
        begun.set()
        await asyncio.sleep(60)

    it = worker(shop.jobs(monkeypatch, working), runtime, clock, tries=1)
    await Triggering(runtime).create(ThingDraft(label="one"))
    task = asyncio.create_task(it.work_off())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await worker(shop.jobs(monkeypatch, copying), runtime, clock, tries=1).work_off() == 0
    assert await Things(runtime).labels() == ["one", "one done"]


async def test_a_job_that_takes_too_long_has_failed(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def working() -> None:
        await asyncio.sleep(60)

    it = Worker(shop.jobs(monkeypatch, working), runtime, limit_s=0.05, tries=1, clock=clock)
    await Triggering(runtime).create(ThingDraft(label="one"))
    assert await it.work_off() == 1
    (row,) = await rows(runtime)
    assert row.rejected == "TimeoutError()"


async def test_each_moment_makes_one_job_however_many_look(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[datetime] = []

    async def working(due: datetime) -> None:
        begun.append(due)

    clock.at = datetime(2026, 3, 2, 10, 1, tzinfo=UTC)
    jobs = shop.jobs(monkeypatch, working, schedule=OFTEN)
    all_ = [worker(jobs, runtime, clock) for _ in range(3)]

    async def look() -> list[int]:
        """Be due in whichever of them is first, the first time and again."""
        for it in all_:
            await it.keep_schedules()
        return await asyncio.gather(*(it.work_off() for it in all_))

    await look()
    assert begun == []  # no moment has passed since there is such a job
    for passed in (14, 15, 150):
        clock.pass_by(timedelta(minutes=passed))
        await look()
        await look()
    assert begun == [
        datetime(2026, 3, 2, 10, 15, tzinfo=UTC),
        datetime(2026, 3, 2, 10, 30, tzinfo=UTC),
        datetime(2026, 3, 2, 13, 0, tzinfo=UTC),
    ]
    assert await rows(runtime) == []


async def test_schedules_follow_the_code(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.at = datetime(2026, 3, 2, 10, 1, tzinfo=UTC)
    for schedule, coming in (
        (Every(timedelta(days=7)), "2026-03-09T00:00"),
        (OFTEN, "2026-03-02T10:15"),
    ):
        await worker(
            shop.jobs(monkeypatch, copying, schedule=schedule), runtime, clock
        ).keep_schedules()
        (row,) = await rows(runtime, scheduled=True)
        assert row.due_at == datetime.fromisoformat(coming).replace(tzinfo=UTC)
    await worker(shop.jobs(monkeypatch, copying), runtime, clock).keep_schedules()
    assert await rows(runtime, scheduled=True) == []


async def test_a_job_that_is_no_more_is_set_aside(runtime: Runtime, clock: Clock) -> None:
    await Triggering(runtime).create(ThingDraft(label="one"))
    assert await worker(Jobs(()), runtime, clock, tries=1).work_off() == 1
    (row,) = await rows(runtime)
    assert row.rejected == "LookupError('shop has no job work')"
