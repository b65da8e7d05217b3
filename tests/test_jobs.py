"""Jobs of running projects: workers are ended in the middle of them, and the way in which they run is changed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from copies import Generate, Reanswer, git
from live import SERVICE_KEY, eventually, running
from projects import UV, environment, free_port_base, model, run

DESK: dict[str, Any] = {
    "project_name": "Desk",
    "concept": "Letters are written down, and each is answered.",
    "services": ["desk: answers letters"],
    "data_entities": ["desk.Letter(label: str)", "desk.Answer(label: str)"],
    "jobs": ["desk: answer_letter on create Letter"],
    "storage_kind": "sqlite",
    "job_management": "queue",
}
TIMED = DESK | {"jobs": ["desk: look daily at 03:33"]}
"""At a moment that hardly ever comes while a test runs."""
JOBS = (UV, "run", "--quiet", "jobs")
LETTERS = 30

CODE = '''
import asyncio
import os
from pathlib import Path

from services.common.jobs.jobs import JobContext
from services.desk.hooks import AnswerLetterJobHooks
from services.desk.models import AnswerDraft, Letter


class AnswerLetterJob(AnswerLetterJobHooks):
    async def run(self, record: Letter, context: JobContext, /) -> None:
        """Write down that it was begun, take a while, and answer."""
        with Path("begun").open("a") as file:
            file.write(f"{record.label} {os.getpid()}\\n")
        await asyncio.sleep(0.2)
        if record.label == "bad":
            raise RuntimeError("it cannot be read")
        context.create(AnswerDraft(label=record.label))
'''

LOOK = """
from datetime import datetime

from services.common.jobs.jobs import JobContext
from services.desk.hooks import LookJobHooks


class LookJob(LookJobHooks):
    async def run(self, due: datetime, context: JobContext, /) -> None:
        print("looked", due)
"""


def begun(project: Path) -> list[list[str]]:
    """Which letter was begun by which process, in order."""
    file = project / "begun"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def waiting(project: Path, rejected: bool = False) -> int:
    """The rows of the queue."""
    (file,) = project.rglob("desk.db")
    with sqlite3.connect(file) as database:
        count = f"SELECT count(*) FROM job_queue WHERE rejected IS {'NOT ' if rejected else ''}NULL"
        return int(database.execute(count).fetchone()[0])


def kill_one(project: Path) -> None:
    """End a worker that is in the middle of a job, at once."""
    os.kill(int(begun(project)[-1][1]), signal.SIGKILL)


def test_workers_are_killed_and_each_job_is_done(generate: Generate, tmp_path: Path) -> None:
    base = free_port_base(3)
    project = generate(DESK | {"port_base": base})
    (project / "services" / "desk" / "answer_letter.py").write_text(CODE)
    settings = {
        "API_KEYS": "{}",
        "JOBS_TIME_LIMIT_S": "1",
        "JOBS_POLL_S": "0.1",
        "JOBS_MAX_TRIES": "3",
        "JOBS_AT_ONCE": "2",
    }
    run(project, "migrate", env=environment(SERVICE_KEY=SERVICE_KEY, API_KEYS="{}"))
    url = model(project).url("desk")
    worker = ("uvicorn", "services.desk.worker:app", "--port")

    def ready() -> bool:
        try:
            return httpx2.get(f"{url}/health/ready").is_success
        except httpx2.TransportError:
            return False

    with (
        running(project, tmp_path / "service", "serve", model(project).processes[0].name, **settings),
        httpx2.Client(base_url=url, headers={"X-API-Key": SERVICE_KEY}) as client,
    ):
        eventually(ready)
        for number in range(LETTERS):
            client.post("/v1/letters", json={"label": f"{number:02}"}).raise_for_status()
        client.post("/v1/letters", json={"label": "bad"}).raise_for_status()
        assert waiting(project) == LETTERS + 1

        for turn in range(2):  # two workers, of which one is killed in the middle of its jobs
            seen = len(begun(project))
            with (
                running(project, tmp_path / f"one-{turn}", *worker, str(base + 1), **settings),
                running(project, tmp_path / f"other-{turn}", *worker, str(base + 2), **settings),
            ):
                eventually(lambda seen=seen: len(begun(project)) >= seen + 6)  # type: ignore[misc]
                kill_one(project)
        with running(project, tmp_path / "last", *worker, str(base + 1), **settings):
            eventually(lambda: waiting(project) == 0, within=60)
        answers = Counter(it["label"] for it in client.get("/v1/answers?limit=100").json()["items"])
    assert answers == Counter(f"{number:02}" for number in range(LETTERS))
    assert waiting(project, rejected=True) == 1
    times = Counter(label for label, _ in begun(project))
    assert min(times.values()) >= 1
    print(f"\n{LETTERS} jobs begun {sum(times.values()) - times['bad']} times, each stored once")


def test_the_way_of_running_changes_and_the_jobs_stay(generate: Generate, reanswer: Reanswer) -> None:
    project = generate(TIMED)
    job = project / "services" / "desk" / "look.py"
    code = f"{job.read_text()}\n\nasync def working() -> None:\n    print('looked')\n"
    job.write_text(code)
    git(project, "commit", "--quiet", "--all", "--message", "written")
    there = {
        "inprocess": set(),
        "cron": {"scripts/jobs.py", "services/common/jobs/queue.py"},
        "queue": {"services/common/jobs/queue.py", "services/common/jobs/worker.py", "services/desk/worker.py"},
    }
    theirs = set.union(*there.values())
    for option, files in there.items():
        project = reanswer(project, job_management=option)
        git(project, "add", "--all")
        git(project, "commit", "--quiet", "--allow-empty", "--message", option)
        assert (project / "services" / "desk" / "look.py").read_text() == code
        assert {it for it in theirs if (project / it).exists()} == files


def test_the_machine_starts_what_is_due(generate: Generate) -> None:
    project = generate(TIMED | {"job_management": "cron"})
    job = project / "services" / "desk" / "look.py"
    job.write_text(LOOK)
    env = environment(SERVICE_KEY=SERVICE_KEY, API_KEYS="{}")
    run(project, "migrate", env=env)
    assert "looked" not in run(project, "jobs", env=env)
    (file,) = project.rglob("desk.db")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE job_queue SET due_at = '2026-01-01 00:00:00.000000'")
    both = [
        subprocess.Popen(
            [UV, "run", "--quiet", "jobs", "desk"], cwd=project, env=env, text=True, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    output = "".join(it.communicate(timeout=60)[0] for it in both)
    assert [it.returncode for it in both] == [0, 0]
    assert output.count("looked") == 1
    wrong = subprocess.run([*JOBS, "desc"], cwd=project, env=env, text=True, capture_output=True)
    assert wrong.returncode == 2
    assert wrong.stderr.splitlines()[-1] == "jobs: error: desc has no jobs; these have: desk"


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            DESK | {"job_management": "none"},
            r"No jobs is not possible: jobs has answer_letter\. Fix: set job_",
        ),
        (DESK | {"job_management": "cron"}, r"Scheduled jobs is not possible: jobs has answer_letter on changes"),
        (
            DESK | {"jobs": []},
            r"A queue with workers is not possible: jobs names none\. Fix: set job_management to",
        ),
    ],
)
def test_what_does_not_go_with_the_jobs_is_reported(generate: Generate, answers: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        generate(answers)
