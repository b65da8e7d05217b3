"""What a job asks for is checked, and stored when it ends: all of it or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.common import jobs as common
from services.common.errors import Missing, Outdated
from services.common.jobs import Jobs, Work
from services.common.runtime import Runtime
from services.common.utils import new_id
from tests.fixtures import shop
from tests.fixtures.shop import Thing, ThingDraft, Things


async def run(jobs: Jobs, runtime: Runtime, record: Thing) -> Work:
    given: dict[str, Any] = {"record": record.model_dump(mode="json")}
    work = await jobs.perform("work", new_id(), given, runtime)
    async with runtime.database.write() as connection:
        await work.store(connection)
    return work


async def test_a_job_reads_and_changes_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def working(record: Thing, work: Work) -> None:
        assert [it.label async for it in work.each(Thing)] == ["one", "two"]
        work.replace((await work.get(Thing, record.id)).model_copy(update={"label": "changed"}))
        work.create(ThingDraft(label="three"))
        async for it in work.each(Thing):
            if it.label == "two":
                work.remove(it)

    async with shop.opened(tmp_path) as runtime:
        things = Things(runtime)
        first = await things.create(ThingDraft(label="one"))
        await things.create(ThingDraft(label="two"))
        await run(shop.jobs(monkeypatch, working), runtime, first)
        assert await things.labels() == ["changed", "three"]


async def test_of_what_does_not_go_together_nothing_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def working(record: Thing, work: Work) -> None:
        work.create(ThingDraft(label="new"))
        work.replace(record.model_copy(update={"label": "changed"}))

    async with shop.opened(tmp_path) as runtime:
        things = Things(runtime)
        first = await things.create(ThingDraft(label="one"))
        await things.replace(first.id, ThingDraft(label="meanwhile"), version=1)
        with pytest.raises(Outdated):
            await run(shop.jobs(monkeypatch, working), runtime, first)
        await things.remove(first.id, version=2)
        with pytest.raises(Missing):
            await run(shop.jobs(monkeypatch, working), runtime, first)
        assert await things.labels() == []


async def test_a_job_without_code_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop.opened(tmp_path) as runtime:
        first = await Things(runtime).create(ThingDraft(label="one"))
        logs = shop.listen(monkeypatch, common)
        await run(shop.jobs(monkeypatch), runtime, first)
        assert [it["event"] for it in logs] == ["job has no code"]
        assert await Things(runtime).labels() == ["one"]
