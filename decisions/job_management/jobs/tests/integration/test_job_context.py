"""What a job requests is checked and stored when it ends: all of it, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.common.auth.callers import SERVICE_CALLER
from services.common.errors import NotFound, VersionConflict
from services.common.jobs import jobs as common
from services.common.jobs.jobs import Job, JobContext, JobHooks, Jobs
from services.common.models import Record
from services.common.runtime import Runtime
from services.common.transaction import Records
from services.common.utils import new_id
from tests.fixtures import shop
from tests.fixtures.shop import Thing, ThingDraft, ThingService


async def run(jobs: Jobs, runtime: Runtime, thing: Thing) -> None:
    """Run the job for a thing, and store what it requests."""
    payload: dict[str, Any] = {"record": thing.model_dump(mode="json")}
    result = await jobs.run("work", new_id(), payload, runtime)
    async with Records(runtime, SERVICE_CALLER).begin() as transaction:
        await result.store(transaction)


async def test_a_job_reads_and_changes_records(tmp_path: Path) -> None:
    async def body(thing: Thing, context: JobContext) -> None:
        assert {it.label async for it in context.each(Thing)} == {"one", "two"}
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


async def test_all_records_are_read_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = ["one", "two", "three"]

    async def body(_: Thing, context: JobContext) -> None:
        each = context.each(Thing)
        assert {(await anext(each)).label for _ in labels} == {*labels}
        assert await anext(each, None) is None

    monkeypatch.setattr(common, "PAGE_SIZE", 2)
    async with shop.open_shop(tmp_path) as runtime:
        first, *_ = [await ThingService(runtime).create(ThingDraft(label=it)) for it in labels]
        await run(shop.jobs(body), runtime, first)


async def test_a_job_has_the_records_of_its_service_and_no_others(tmp_path: Path) -> None:
    class Foreign(Record):
        """An entity of nobody."""

    class Work(JobHooks[Thing]):
        async def run(self, subject: Thing, context: JobContext, /) -> None:
            assert await self.records.many(Thing) == [subject]
            await context.get(Foreign, subject.id)

    async with shop.open_shop(tmp_path) as runtime:
        first = await ThingService(runtime).create(ThingDraft(label="one"))
        with pytest.raises(TypeError, match="Foreign is not a model of the records"):
            await run(Jobs(Job("work", Work, content=Thing)), runtime, first)


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
        told = [(it["event"], it["rules_class"]) for it in logs]
        assert told == [("job_not_implemented", "Work")]
        assert await ThingService(runtime).labels() == ["one"]
