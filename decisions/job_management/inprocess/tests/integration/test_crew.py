"""Jobs go on after the answer, some at once, and what has not ended in time is lost and told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.common import runner
from services.common.config import Settings
from services.common.jobs import Every, Jobs, Work
from services.common.runner import Crew, Triggered
from services.common.runtime import Runtime
from tests.fixtures import shop
from tests.fixtures.shop import Thing, ThingDraft, Things
from tests.fixtures.system import settings_for

START = datetime(2026, 3, 2, 10, 1, tzinfo=UTC)


def settings(**values: Any) -> Settings:
    return settings_for({}).model_copy(update=values)


class Triggering(Things):
    """Things whose creation asks for the job."""

    effects = (Triggered("work", on=("create",)),)


@contextmanager
def crew(jobs: Jobs, runtime: Runtime, **values: Any) -> Iterator[Crew]:
    it = runner.crews[runtime.database] = Crew(jobs, runtime, settings(**values))
    yield it
    del runner.crews[runtime.database]


async def test_a_job_begins_when_the_change_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def working(record: Thing, work: Work) -> None:
        assert (await work.get(Thing, record.id)).label == record.label
        work.replace(record.model_copy(update={"label": f"{record.label}, done"}))

    async with shop.opened(tmp_path) as runtime:
        things = Triggering(runtime)
        with crew(shop.jobs(monkeypatch, working), runtime) as it:
            await things.create(ThingDraft(label="one"))
            with pytest.raises(RuntimeError, match="rolled back"):
                record = await things.prepare(ThingDraft(label="never"))
                async with runtime.database.write() as connection:
                    await things.add(connection, record)
                    raise RuntimeError("rolled back")
            await it.end()
        assert await things.labels() == ["one, done"]


async def test_only_so_many_run_at_once_and_a_failure_stops_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, most, done, all_asked_for = 0, 0, 0, asyncio.Event()

    async def working(record: Thing) -> None:
        nonlocal at_work, most, done
        at_work += 1
        most = max(most, at_work)
        await all_asked_for.wait()
        at_work -= 1
        if record.label == "0":
            raise RuntimeError("it went wrong")
        done += 1

    async with shop.opened(tmp_path) as runtime:
        logs = shop.listen(monkeypatch, runner)
        with crew(shop.jobs(monkeypatch, working), runtime, jobs_at_once=2) as it:
            for number in range(7):
                await Triggering(runtime).create(ThingDraft(label=str(number)))
            all_asked_for.set()
            await it.end()
    assert (most, done) == (2, 6)
    assert [it["error"] for it in logs if it["event"] == "job failed"] == [
        "RuntimeError('it went wrong')"
    ]


async def test_what_does_not_end_in_time_is_lost_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def working(record: Thing) -> None:
        if record.label == "long":
            await asyncio.sleep(60)

    async with shop.opened(tmp_path) as runtime:
        logs = shop.listen(monkeypatch, runner)
        with crew(shop.jobs(monkeypatch, working), runtime, jobs_end_within_s=0.1) as it:
            for label in ("short", "long", "long"):
                await Triggering(runtime).create(ThingDraft(label=label))
            await it.end()
    assert [it["count"] for it in logs if it["event"] == "jobs lost"] == [2]


async def test_a_job_is_begun_for_the_latest_of_the_moments_that_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[datetime] = []

    async def working(due: datetime) -> None:
        begun.append(due)

    jobs = shop.jobs(monkeypatch, working, schedule=Every(timedelta(minutes=15)))
    async with shop.opened(tmp_path) as runtime:
        with crew(jobs, runtime) as it:
            it.begin_due(START, START + timedelta(minutes=13))
            it.begin_due(START, START + timedelta(minutes=14))
            it.begin_due(START + timedelta(minutes=14), START + timedelta(hours=2))
            await it.end()
    assert begun == [START.replace(minute=15), START.replace(hour=12, minute=0)]


async def test_the_clock_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def working(due: datetime) -> None:
        assert due == START.replace(minute=15)
        begun.set()

    jobs = shop.jobs(monkeypatch, working, schedule=Every(timedelta(minutes=15)))
    times = iter([START, START.replace(minute=14, second=59, microsecond=990_000)])
    async with shop.opened(tmp_path) as runtime:
        it = Crew(jobs, runtime, settings(), clock=lambda: next(times, START.replace(minute=15)))
        keeping = asyncio.create_task(it.keep_time())
        async with asyncio.timeout(5):
            await begun.wait()
        keeping.cancel()
        await it.end()
