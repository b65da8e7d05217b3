"""Each service with jobs has a worker: a process that answers health checks, and stores the schedules."""

from __future__ import annotations

import asyncio
import importlib

import httpx2
import pytest
from structlog.testing import capture_logs

from services.common.api import worker_app
from services.common.background import in_background
from services.common.jobs import queue, worker
from services.common.jobs.jobs import Jobs
from services.common.jobs.runner import JobRunner
from services.common.runtime import Runtime
from scripts.processes import Process, load_processes
from tests.fixtures.facts import DATABASES
from tests.fixtures.system import System

WORKERS = [it for it in load_processes() if it.name.endswith("-worker")]


@pytest.mark.parametrize("process", WORKERS, ids=lambda it: it.name)
async def test_a_worker_is_ready_and_stores_the_schedules(
    system: System, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = process.name.removesuffix("-worker")
    settings = system.apps[name].state.settings
    monkeypatch.setattr(worker_app, "load_settings", lambda: settings)
    app = importlib.import_module(process.app.partition(":")[0]).app
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            ready = await client.get("/health/ready")
            assert ready.json() == {"status": "ready"}
            assert ready.headers["X-Content-Type-Options"] == "nosniff"
    assert app.title == f"The worker of {name}"
    jobs = importlib.import_module(f"services.{name}.jobs").jobs
    await JobRunner(jobs, system.runtime(name), timeout_s=1, max_tries=1).sync_schedules()
    async with system.runtime(name).database.read() as connection:
        stored = {row.job for row in await queue.schedules(connection)}
    assert stored == {job.name for job, _ in jobs.scheduled}


class Failing(JobRunner):
    """Fails once to store the schedules, and once to look for jobs."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(Jobs(), runtime, timeout_s=1, max_tries=1)
        self.calls: list[str] = []
        self.done = asyncio.Event()

    async def sync_schedules(self) -> None:
        self.calls.append("sync")
        if len(self.calls) == 1:
            raise OSError("gone")

    async def drain(self) -> int:
        self.calls.append("drain")
        if len(self.calls) == 3:
            raise OSError("gone again")
        self.done.set()
        return 0


async def test_a_worker_goes_on_after_a_failure(system: System) -> None:
    runner = Failing(system.runtime(DATABASES[0]))
    with capture_logs() as lines:
        async with asyncio.timeout(5), in_background(worker._poll(runner, 0.001)):
            await runner.done.wait()
    assert runner.calls[:4] == ["sync", "sync", "drain", "drain"]
    assert [(it["event"], it["service"], it["error"], it["log_level"]) for it in lines] == [
        ("job_polling_failed", DATABASES[0], "OSError('gone')", "warning"),
        ("job_polling_failed", DATABASES[0], "OSError('gone again')", "warning"),
    ]
