"""What a job requests is checked and stored when it ends: all of it, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.common.errors import NotFound, VersionConflict
from services.common.jobs import jobs as common
from services.common.jobs.jobs import Job, JobContext, JobHooks, Jobs
from services.common.runtime import Runtime
from services.common.transaction import Records
from services.common.utils import new_id
from tests.fixtures import shop
from tests.fixtures.shop import Thing, ThingDraft, ThingService


async def run(jobs: Jobs, runtime: Runtime, thing: Thing) -> None:
    """Run the job for a thing, and store what it requests."""
    payload: dict[str, Any] = {"record": thing.model_dump(mode="json")}
    result = await jobs.run("work", new_id(), payload, runtime)
    async with Records(runtime).begin() as transaction:
        await result.store(transaction)


async def test_a_job_reads_and_changes_records(tmp_path: Path) -> None:
    async def body(thing: Thing, context: JobContext) -> None:
        assert [it.label async for it in context.each(Thing)] == ["one", "two"]
        stored = await context.get(Thing, thing.id)
        context.update(stored.model_copy(update={"label": "changed"}))
        context.create(ThingDraft(label="three"))
        async for it in context.each(Thing):
            if it.label == "two":
                context.delete(it)

    async with shop.open_shop(tmp_path) as runtime:
        things = ThingService(runtime)
        first = await things.create(ThingDraft(label="one"))
        await things.create(ThingDraft(label="two"))
        await run(shop.jobs(body), runtime, first)
        assert await things.labels() == ["changed", "three"]


async def test_a_change_that_cannot_be_made_leaves_all_others_undone(tmp_path: Path) -> None:
    async def body(thing: Thing, context: JobContext) -> None:
        context.create(ThingDraft(label="new"))
        context.update(thing.model_copy(update={"label": "changed"}))

    async with shop.open_shop(tmp_path) as runtime:
        things = ThingService(runtime)
        first = await things.create(ThingDraft(label="one"))
        await things.update(first.id, ThingDraft(label="meanwhile"), version=1)
        with pytest.raises(VersionConflict):
            await run(shop.jobs(body), runtime, first)
        await things.delete(first.id, version=2)
        with pytest.raises(NotFound):
            await run(shop.jobs(body), runtime, first)
        assert await things.labels() == []


async def test_a_job_that_is_not_implemented_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Work(JobHooks[Thing]):
        """Overrides nothing."""

    async with shop.open_shop(tmp_path) as runtime:
        first = await ThingService(runtime).create(ThingDraft(label="one"))
        logs = shop.capture_log(monkeypatch, common)
        await run(Jobs(Job("work", Work, content=Thing)), runtime, first)
        assert [it["event"] for it in logs] == ["job_not_implemented"]
        assert await ThingService(runtime).labels() == ["one"]
