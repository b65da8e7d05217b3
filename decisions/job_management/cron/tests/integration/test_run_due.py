"""The command `jobs` runs the jobs that are due, and tells how many failed."""

from __future__ import annotations

from services.common.jobs import queue
from services.common.utils import now
from scripts.jobs import SERVICES, run_due
from tests.fixtures.system import System


async def test_due_jobs_run_and_their_next_times_are_stored(system: System) -> None:
    settings = system.apps[SERVICES[0]].state.settings
    assert await run_due(SERVICES, settings) == 0
    for name in SERVICES:
        async with system.runtime(name).database.write() as connection:
            schedules = await queue.schedules(connection)
            assert schedules
            for row in schedules:
                assert row.due_at > now()
                await queue.update(connection, row, due_at=row.created_at)
    assert await run_due(SERVICES, settings) == 0
    for name in SERVICES:
        async with system.runtime(name).database.read() as connection:
            assert all(row.due_at > now() for row in await queue.schedules(connection))


async def test_jobs_that_fail_are_counted(system: System) -> None:
    name = SERVICES[0]
    async with system.runtime(name).database.write() as connection:
        await queue.repository.insert(connection, queue.new("not_there", {}))
    assert await run_due([name], system.apps[name].state.settings) == 1
