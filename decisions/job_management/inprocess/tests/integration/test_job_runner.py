"""Jobs run after the response, a limited number at once; what is unfinished at the timeout is lost, and logged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.common.auth.callers import SERVICE_CALLER
from services.common.jobs import runner as runner_module
from services.common.jobs.jobs import JobContext, Jobs, Schedule
from services.common.jobs.runner import JobRunner, JobTrigger, runners
from services.common.runtime import Runtime
from services.common.transaction import Records
from tests.fixtures import shop
from tests.fixtures.shop import Thing, ThingDraft, ThingService

START = datetime(2026, 3, 2, 10, 1, tzinfo=UTC)
QUARTER_HOURLY = Schedule(timedelta(minutes=15))


class TriggeringService(ThingService):
    """Things whose creation triggers the job."""

    effects = (JobTrigger("work", on=("create",)),)


@contextmanager
def job_runner(jobs: Jobs, runtime: Runtime, **values: Any) -> Iterator[JobRunner]:
    """The runner of the shop, which its triggers find."""
    settings = runtime.settings.model_copy(update=values)
    runner = runners[runtime.database] = JobRunner(jobs, replace(runtime, settings=settings))
    yield runner
    del runners[runtime.database]


async def test_a_job_starts_once_its_change_is_committed(tmp_path: Path) -> None:
    async def body(thing: Thing, context: JobContext) -> None:
        assert (await context.get(Thing, thing.id)).label == thing.label
        context.update(thing.model_copy(update={"label": f"{thing.label}, done"}))

    async with shop.open_shop(tmp_path) as runtime:
        things = TriggeringService(runtime)
        with job_runner(shop.jobs(body), runtime) as runner:
            await things.create(ThingDraft(label="one"))
            with pytest.raises(RuntimeError, match="rolled back"):
                change = await things.build_create(ThingDraft(label="never"))
                async with Records(runtime, SERVICE_CALLER).begin() as transaction:
                    await transaction.store(change)
                    raise RuntimeError("rolled back")
            await runner.shut_down()
        assert await things.labels() == ["one, done"]


async def test_a_limited_number_runs_at_once_and_a_failure_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, done, all_triggered = 0, 0, 0, asyncio.Event()

    async def body(thing: Thing, _: JobContext) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await all_triggered.wait()
        running -= 1
        if thing.label == "0":
            raise RuntimeError("it went wrong")
        done += 1

    async with shop.open_shop(tmp_path) as runtime:
        logs = shop.capture_log(monkeypatch, runner_module)
        with job_runner(shop.jobs(body), runtime, jobs_at_once=2) as runner:
            for number in range(7):
                await TriggeringService(runtime).create(ThingDraft(label=str(number)))
            all_triggered.set()
            await runner.shut_down()
    assert (most, done) == (2, 6)
    assert [it["error"] for it in logs if it["event"] == "job_failed"] == [
        "RuntimeError('it went wrong')"
    ]


async def test_jobs_that_are_unfinished_at_the_timeout_are_logged_as_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(thing: Thing, _: JobContext) -> None:
        if thing.label == "long":
            await asyncio.sleep(60)

    async with shop.open_shop(tmp_path) as runtime:
        logs = shop.capture_log(monkeypatch, runner_module)
        with job_runner(shop.jobs(body), runtime, job_shutdown_timeout_s=0.1) as runner:
            for label in ("short", "long", "long"):
                await TriggeringService(runtime).create(ThingDraft(label=label))
            await runner.shut_down()
    assert [it["count"] for it in logs if it["event"] == "jobs_lost"] == [2]


async def test_of_several_times_that_passed_a_job_runs_for_the_latest(tmp_path: Path) -> None:
    started: list[datetime] = []

    async def body(due: datetime, _: JobContext) -> None:
        started.append(due)

    async with shop.open_shop(tmp_path) as runtime:
        with job_runner(shop.jobs(body, schedule=QUARTER_HOURLY), runtime) as runner:
            runner.start_due(START, START + timedelta(minutes=13))
            runner.start_due(START, START + timedelta(minutes=14))
            runner.start_due(START + timedelta(minutes=14), START + timedelta(hours=2))
            await runner.shut_down()
    assert started == [START.replace(minute=15), START.replace(hour=12, minute=0)]


async def test_a_job_starts_when_it_is_due_and_not_before(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def body(due: datetime, _: JobContext) -> None:
        assert due == START.replace(minute=15)
        started.set()

    jobs = shop.jobs(body, schedule=QUARTER_HOURLY)
    times = iter([START, START.replace(minute=14, second=59, microsecond=990_000)])
    async with shop.open_shop(tmp_path) as runtime:
        runner = JobRunner(jobs, runtime, clock=lambda: next(times, START.replace(minute=15)))
        following = asyncio.create_task(runner.follow_schedules())
        async with asyncio.timeout(5):
            await started.wait()
        following.cancel()
        await runner.shut_down()
