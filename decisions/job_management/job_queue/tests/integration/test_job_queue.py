"""A queued job is done however often its runner ends, and its results are stored once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
import structlog

from services.common.auth.callers import SERVICE_CALLER
from services.common.jobs import queue
from services.common.jobs import runner as runner_module
from services.common.jobs.jobs import Job, JobContext, JobHooks, Jobs, Schedule
from services.common.jobs.queue import QueuedJob, job_queue
from services.common.jobs.runner import LEASE_MARGIN, JobRunner, JobTrigger
from services.common.observability import tracing
from services.common.runtime import Runtime
from services.common.transaction import Records
from services.common.utils import now
from tests.fixtures import shop
from tests.fixtures.shop import Thing, ThingDraft, ThingService

TIMEOUT = timedelta(seconds=30)
QUARTER_HOURLY = Schedule(timedelta(minutes=15))


class TriggeringService(ThingService):
    """Things whose creation triggers the job."""

    effects = (JobTrigger("work", on=("create",)),)


class Clock:
    """A clock that a test sets."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, span: timedelta) -> None:
        self.at += span


@pytest_asyncio.fixture(loop_scope="session")
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with shop.open_shop(tmp_path, job_queue) as it:
        yield it


@pytest.fixture
def clock() -> Clock:
    return Clock(now() + timedelta(seconds=1))


def job_runner(
    jobs: Jobs,
    runtime: Runtime,
    clock: Clock,
    *,
    timeout_s: float = TIMEOUT.total_seconds(),
    max_tries: int = 3,
) -> JobRunner:
    return JobRunner(jobs, runtime, timeout_s=timeout_s, max_tries=max_tries, clock=clock)


async def rows(runtime: Runtime, *, scheduled: bool = False) -> list[QueuedJob]:
    """The rows of the queue, oldest first."""
    query = sa.select(job_queue).where(job_queue.c.scheduled.is_(scheduled))
    async with runtime.database.read() as connection:
        found = (await connection.execute(query.order_by(job_queue.c.created_at))).all()
    return [QueuedJob.model_validate(it._mapping) for it in found]


async def copy(thing: Thing, context: JobContext) -> None:
    """A job whose results can be counted; the thing that it creates triggers no job."""
    if not thing.label.endswith("done"):
        context.create(ThingDraft(label=f"{thing.label} done"))


async def test_a_job_is_queued_if_and_only_if_its_change_is_committed(runtime: Runtime) -> None:
    things = TriggeringService(runtime)
    thing = await things.create(ThingDraft(label="one"))
    change = await things.build_create(ThingDraft(label="never"))
    with pytest.raises(RuntimeError, match="rolled back"):
        async with Records(runtime, SERVICE_CALLER).begin() as transaction:
            await transaction.store(change)
            raise RuntimeError("rolled back")
    (row,) = await rows(runtime)
    assert (row.job, row.content) == ("work", {"record": thing.model_dump(mode="json")})


async def test_two_runners_do_each_job_once(runtime: Runtime, clock: Clock) -> None:
    started: list[str] = []

    async def body(thing: Thing, context: JobContext) -> None:
        started.append(thing.label)
        await asyncio.sleep(0)
        context.create(ThingDraft(label=f"{thing.label} done"))

    jobs = shop.jobs(body)
    labels = [f"{number:02}" for number in range(20)]
    for label in labels:
        await TriggeringService(runtime).create(ThingDraft(label=label))
    clock.at = now()
    both = job_runner(jobs, runtime, clock), job_runner(jobs, runtime, clock)
    assert await asyncio.gather(*(it.drain() for it in both)) == [0, 0]
    assert sorted(started) == labels
    assert sorted(await ThingService(runtime).labels()) == sorted(
        [*labels, *(f"{it} done" for it in labels)]
    )
    assert await rows(runtime) == []


async def test_a_runner_whose_lease_was_taken_over_stores_nothing(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = job_runner(shop.jobs(copy), runtime, clock)
    await TriggeringService(runtime).create(ThingDraft(label="one"))
    leased = await slow.lease()
    assert leased
    clock.advance(TIMEOUT)
    assert await slow.lease() is None
    clock.advance(LEASE_MARGIN)
    other = job_runner(slow.jobs, runtime, clock)
    assert await other.drain() == 0
    logs = shop.capture_log(monkeypatch, runner_module)
    assert not await slow.run(leased)
    told = [(it["event"], it["service"], it["job"], it["key"]) for it in logs]
    assert told == [("job_taken_over", "shop", leased.job, str(leased.id))]
    assert await ThingService(runtime).labels() == ["one", "one done"]


async def test_a_job_that_fails_is_tried_again_later_and_at_last_rejected(
    runtime: Runtime, clock: Clock
) -> None:
    tries = 0

    async def body(_: Thing, context: JobContext) -> None:
        nonlocal tries
        tries += 1
        context.create(ThingDraft(label="never"))
        raise RuntimeError("it went wrong")

    runner = job_runner(shop.jobs(body), runtime, clock, max_tries=4)
    await TriggeringService(runtime).create(ThingDraft(label="one"))
    for pause_s in (2, 4, 8):
        assert await runner.drain() == 1
        clock.advance(timedelta(seconds=pause_s - 1))
        assert await runner.drain() == 0
        clock.advance(timedelta(seconds=1))
    assert await runner.drain() == 1
    clock.advance(timedelta(days=1))
    assert await runner.drain() == 0
    (row,) = await rows(runtime)
    assert (tries, row.tries, row.rejected) == (4, 4, "RuntimeError('it went wrong')")
    assert await ThingService(runtime).labels() == ["one"]

    async with runtime.database.write() as connection:
        await queue.update(connection, row, rejected=None, tries=0)
    assert await job_runner(shop.jobs(copy), runtime, clock).drain() == 0
    assert await ThingService(runtime).labels() == ["one", "one done"]


async def test_a_job_that_is_gone_from_the_code_is_rejected(runtime: Runtime, clock: Clock) -> None:
    async with runtime.database.write() as connection:
        await queue.add_once(connection, queue.new("gone", {}, due_at=clock()))
    runner = job_runner(shop.jobs(copy), runtime, clock)
    for _ in range(3):
        await runner.drain()
        clock.advance(timedelta(days=1))
    (row,) = await rows(runtime)
    assert row.rejected == "LookupError('shop has no job gone')"


async def test_a_job_that_crashes_its_runner_each_time_is_rejected(
    runtime: Runtime, clock: Clock
) -> None:
    runner = job_runner(shop.jobs(copy), runtime, clock)
    await TriggeringService(runtime).create(ThingDraft(label="one"))
    for _ in range(3):
        assert await runner.lease()
        clock.advance(TIMEOUT + LEASE_MARGIN)
    assert await runner.drain() == 1
    (row,) = await rows(runtime)
    assert row.rejected == "RuntimeError('its runner ended before it did, each time')"
    assert await ThingService(runtime).labels() == ["one"]


async def test_a_job_that_was_interrupted_runs_again_at_once(
    runtime: Runtime, clock: Clock
) -> None:
    started = asyncio.Event()

    async def body(_: Thing, __: JobContext) -> None:
        started.set()
        await asyncio.sleep(60)

    interrupted = job_runner(shop.jobs(body), runtime, clock, max_tries=1)
    await TriggeringService(runtime).create(ThingDraft(label="one"))
    task = asyncio.create_task(interrupted.drain())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [it.tries for it in await rows(runtime)] == [0]  # as if it had not been started
    assert await job_runner(shop.jobs(copy), runtime, clock, max_tries=1).drain() == 0
    assert await ThingService(runtime).labels() == ["one", "one done"]


async def test_a_job_that_exceeds_its_timeout_has_failed(runtime: Runtime, clock: Clock) -> None:
    async def body(_: Thing, __: JobContext) -> None:
        await asyncio.sleep(60)

    runner = job_runner(shop.jobs(body), runtime, clock, timeout_s=0.05, max_tries=1)
    await TriggeringService(runtime).create(ThingDraft(label="one"))
    assert await runner.drain() == 1
    (row,) = await rows(runtime)
    assert row.rejected == "TimeoutError()"


async def test_a_scheduled_job_runs_once_for_each_time_however_many_runners_there_are(
    runtime: Runtime, clock: Clock
) -> None:
    started: list[datetime] = []

    async def body(due: datetime, _: JobContext) -> None:
        started.append(due)

    clock.at = datetime(2026, 3, 2, 10, 1, tzinfo=UTC)
    jobs = shop.jobs(body, schedule=QUARTER_HOURLY)
    runners = [job_runner(jobs, runtime, clock) for _ in range(3)]

    async def run_all() -> None:
        """Let each runner store the schedules, and all of them look for jobs at once."""
        for runner in runners:
            await runner.sync_schedules()
        await asyncio.gather(*(it.drain() for it in runners))

    await run_all()
    assert started == []  # no time has passed since the job was declared
    for minutes in (14, 15, 150):
        clock.advance(timedelta(minutes=minutes))
        await run_all()
        await run_all()
    assert started == [
        datetime(2026, 3, 2, 10, 15, tzinfo=UTC),
        datetime(2026, 3, 2, 10, 30, tzinfo=UTC),
        datetime(2026, 3, 2, 13, 0, tzinfo=UTC),
    ]
    assert await rows(runtime) == []


async def test_the_stored_schedules_follow_the_code(runtime: Runtime, clock: Clock) -> None:
    clock.at = datetime(2026, 3, 2, 10, 1, tzinfo=UTC)
    for schedule, coming in (
        (Schedule(timedelta(days=7)), "2026-03-09T00:00"),
        (QUARTER_HOURLY, "2026-03-02T10:15"),
    ):
        await job_runner(shop.jobs(copy, schedule=schedule), runtime, clock).sync_schedules()
        (row,) = await rows(runtime, scheduled=True)
        assert row.due_at == datetime.fromisoformat(coming).replace(tzinfo=UTC)
    await job_runner(shop.jobs(copy), runtime, clock).sync_schedules()
    assert await rows(runtime, scheduled=True) == []


async def test_all_schedules_that_are_due_are_looked_at_at_once(
    runtime: Runtime, clock: Clock
) -> None:
    """Each advances and has its job queued, or goes, if its job has no schedule any more."""
    started: list[str] = []

    def job(name: str) -> Job[datetime]:
        class Work(JobHooks[datetime]):
            async def run(self, subject: datetime, context: JobContext, /) -> None:
                started.append(name)

        return Job(name, Work, schedule=QUARTER_HOURLY)

    async with runtime.database.write() as connection:
        for name in ("gone", "gone, too", "first", "second"):
            schedule = queue.new(name, {}, due_at=clock(), scheduled=True)
            await queue.add_once(connection, schedule)
    assert await job_runner(Jobs(job("first"), job("second")), runtime, clock).drain() == 0
    assert sorted(started) == ["first", "second"]  # ids of one millisecond have no order
    left = await rows(runtime, scheduled=True)
    left_due = sorted((it.job, it.due_at > clock()) for it in left)
    assert left_due == [("first", True), ("second", True)]


async def test_a_job_that_no_longer_exists_is_rejected(runtime: Runtime, clock: Clock) -> None:
    await TriggeringService(runtime).create(ThingDraft(label="one"))
    assert await job_runner(Jobs(), runtime, clock, max_tries=1).drain() == 1
    (row,) = await rows(runtime)
    assert row.rejected == "LookupError('shop has no job work')"


async def test_failures_are_logged_with_what_comes_next(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(_: Thing, __: JobContext) -> None:
        raise RuntimeError("it went wrong")

    logs = shop.capture_log(monkeypatch, runner_module)
    runner = job_runner(shop.jobs(body), runtime, clock, max_tries=2)
    await TriggeringService(runtime).create(ThingDraft(label="one"))
    (row,) = await rows(runtime)
    for _ in range(2):
        assert await runner.drain() == 1
        clock.advance(timedelta(seconds=2))
    failed, rejected = logs
    about = {"service": "shop", "job": "work", "key": str(row.id)}
    about["error"] = "RuntimeError('it went wrong')"
    assert failed == about | {"event": "job_failed", "retry_s": 2.0, "log_level": "warning"}
    assert rejected == about | {"event": "job_rejected", "tries": 2, "log_level": "error"}


async def test_failures_are_counted(runtime: Runtime, clock: Clock) -> None:
    async def body(thing: Thing, _: JobContext) -> None:
        if thing.label != "fine":
            raise RuntimeError("it went wrong")

    for label in ("one", "two", "fine"):
        await TriggeringService(runtime).create(ThingDraft(label=label))
    clock.at = now()
    assert await job_runner(shop.jobs(body), runtime, clock).drain() == 2


async def test_pauses_between_tries_have_an_end(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(_: Thing, __: JobContext) -> None:
        raise RuntimeError("x" * 2000)

    monkeypatch.setattr(runner_module, "MAX_PAUSE_S", 3.0)
    logs = shop.capture_log(monkeypatch, runner_module)
    runner = job_runner(shop.jobs(body), runtime, clock)
    await TriggeringService(runtime).create(ThingDraft(label="one"))
    for _ in range(3):
        assert await runner.drain() == 1
        clock.advance(timedelta(seconds=3))
    assert [it.get("retry_s") for it in logs] == [2.0, 3.0, None]
    (row,) = await rows(runtime)
    assert len(row.rejected or "") == 1000


async def test_a_job_knows_what_triggered_it(runtime: Runtime, clock: Clock) -> None:
    seen: list[Thing] = []

    async def body(thing: Thing, context: JobContext) -> None:
        seen.append(thing)
        bound = structlog.contextvars.get_contextvars()
        assert (bound["service"], bound["job"], bound["key"]) == ("shop", "work", context.key)
        assert context.key == str(row.id)

    thing = await TriggeringService(runtime).create(ThingDraft(label="one"))
    (row,) = await rows(runtime)
    assert (row.job, row.tries, row.rejected, row.version) == ("work", 0, None, 1)
    assert row.due_at == row.created_at == row.updated_at <= now()
    assert await job_runner(shop.jobs(body), runtime, clock).drain() == 0
    assert seen == [thing]


async def test_a_job_belongs_to_the_trace_of_what_triggered_it(
    runtime: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled: list[tuple[str | None, ...]] = []

    @contextmanager
    def handling(*arguments: str | None) -> Iterator[None]:
        handled.append(arguments)
        yield

    monkeypatch.setattr(tracing, "current_traceparent", lambda: "the trace of a request")
    monkeypatch.setattr(tracing, "handling", handling)
    await TriggeringService(runtime).create(ThingDraft(label="one"))
    assert await job_runner(shop.jobs(copy), runtime, clock).drain() == 0
    assert handled == [("shop", "work", "the trace of a request")]


async def test_jobs_start_in_the_order_in_which_they_were_queued(
    runtime: Runtime, clock: Clock
) -> None:
    started: list[str] = []

    async def body(thing: Thing, _: JobContext) -> None:
        started.append(thing.label)

    for label in ("one", "two", "three"):
        await TriggeringService(runtime).create(ThingDraft(label=label))
    clock.at = now()
    assert await job_runner(shop.jobs(body), runtime, clock).drain() == 0
    assert started == ["one", "two", "three"]


async def test_a_row_is_inserted_once(runtime: Runtime) -> None:
    job = queue.new("work", {"due": "some time"})
    async with runtime.database.write() as connection:
        assert await queue.add_once(connection, job)
        assert not await queue.add_once(connection, job)
    assert [it.id for it in await rows(runtime)] == [job.id]
