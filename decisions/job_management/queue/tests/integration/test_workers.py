"""Each service with jobs has a worker: a process that says whether it is well, and keeps the schedules."""

from __future__ import annotations

import importlib

import httpx2
import pytest

from services.common import job_rows, worker
from services.common.runner import Worker
from scripts.processes import Process, load_processes
from tests.fixtures.system import System

WORKERS = [it for it in load_processes() if it.name.endswith("-worker")]


@pytest.mark.parametrize("process", WORKERS, ids=lambda it: it.name)
async def test_a_worker_is_ready_and_keeps_the_schedules(
    system: System, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = process.name.removesuffix("-worker")
    settings = system.apps[name].state.settings
    monkeypatch.setattr(worker, "load_settings", lambda: settings)
    app = importlib.import_module(process.app.partition(":")[0]).app
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            assert (await client.get("/health/ready")).json() == {"status": "ready"}
    jobs = importlib.import_module(f"services.{name}.jobs").jobs
    await Worker(jobs, system.runtime(name), limit_s=1, tries=1).keep_schedules()
    async with system.runtime(name).database.read() as connection:
        kept = {row.job for row in await job_rows.schedules(connection)}
    assert kept == {job.name for job, _ in jobs.timed}
