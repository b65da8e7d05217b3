"""One command runs what is due, and tells how much of it failed."""

from __future__ import annotations

from services.common import job_rows
from services.common.utils import now
from scripts.jobs import SERVICES, run_due
from tests.fixtures.system import System


async def test_what_is_due_is_run_and_the_next_moments_are_kept(system: System) -> None:
    settings = system.apps[SERVICES[0]].state.settings
    assert await run_due(SERVICES, settings) == 0
    for name in SERVICES:
        async with system.runtime(name).database.write() as connection:
            kept = await job_rows.schedules(connection)
            assert kept
            for row in kept:
                assert row.due_at > now()
                await job_rows.change(connection, row, due_at=row.created_at)
    assert await run_due(SERVICES, settings) == 0
    for name in SERVICES:
        async with system.runtime(name).database.read() as connection:
            assert all(row.due_at > now() for row in await job_rows.schedules(connection))


async def test_a_job_that_fails_is_counted(system: System) -> None:
    name = SERVICES[0]
    async with system.runtime(name).database.write() as connection:
        await job_rows.store.add(connection, job_rows.row("not_there", {}))
    assert await run_due([name], system.apps[name].state.settings) == 1
