"""Transactions on documents are atomic and isolated, even if the disk fails and processes are killed."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

from services.common.db import database as database_module
from services.common.db.database import MIGRATIONS, Database, Table
from services.common.db.documents import Documents
from services.common.db.repository import Repository
from services.common.errors import ServiceUnavailable
from scripts.migrate import migrate
from scripts.migrations.steps import Create, Fill, Retire, RetireTable, Step
from scripts.processes import ROOT
from tests.fixtures import faults
from tests.fixtures.facts import DATABASES
from tests.fixtures.faults import AFTER, BEFORE, CHANGE
from tests.fixtures.system import System

KIND = Table(faults.KIND)


def start_process(*arguments: str) -> subprocess.Popen[str]:
    """A process that changes documents."""
    command = [sys.executable, "-m", faults.__name__, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def fail_with_full_disk() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_process_killed_at_any_system_call_leaves_all_changed_or_nothing(tmp_path: Path) -> None:
    with start_process("kill", str(tmp_path)) as running:
        printed, _ = running.communicate()
    assert running.returncode == 0
    assert int(printed) > 20


@pytest.mark.parametrize("lasting", [False, True])
def test_a_disk_full_at_any_system_call_leaves_all_changed_or_nothing(
    tmp_path: Path, lasting: bool
) -> None:
    before = faults.prepared(tmp_path / "before").root
    for at in count():
        documents = Documents(shutil.copytree(before, tmp_path / str(at)))
        refused = False
        with faults.failing(at, fail_with_full_disk, lasting=lasting) as failed:
            try:
                documents.commit(CHANGE)
            except OSError:
                refused = True
        documents.recover()
        assert faults.contents(documents) == (BEFORE if refused else AFTER), (at, failed)
        assert list((documents.root / ".staged").iterdir()) == []
        if not failed:
            break
    assert at > 20


async def test_processes_lose_and_repeat_no_change_although_some_are_killed(tmp_path: Path) -> None:
    url, times = f"file:{tmp_path}", 8
    await faults.create_count(url)
    killed = start_process("count_up", url, "100000")
    surviving = [start_process("count_up", url, str(times)) for _ in range(2)]
    for process in surviving:
        await asyncio.to_thread(process.communicate)
        killed.kill()
        killed.communicate()
        killed = start_process("count_up", url, "100000")
    killed.kill()
    killed.communicate()
    assert [it.returncode for it in surviving] == [0, 0]
    number, added = await faults.counted(url)
    assert number >= 2 * times
    assert added == list(range(1, number + 1))


async def test_tasks_of_one_process_lose_and_repeat_no_change(tmp_path: Path) -> None:
    url = f"file:{tmp_path}"
    await faults.create_count(url)
    await asyncio.gather(*(faults.count_up(url, 5) for _ in range(4)))
    assert await faults.counted(url) == (20, list(range(1, 21)))


async def test_the_next_reader_completes_an_interrupted_transaction(tmp_path: Path) -> None:
    documents = faults.prepared(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "_apply", lambda _: fail_with_full_disk())
        documents.commit(CHANGE)
    assert documents.is_interrupted()
    database = Database(f"file:{tmp_path}")
    async with database.read() as connection:
        assert await connection.names(KIND) == ["one", "two"]
    assert not documents.is_interrupted()
    assert faults.contents(documents) == AFTER


async def test_a_transaction_that_waits_for_the_lock_blocks_no_task_and_times_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "LOCK_TIMEOUT_S", 0.2)
    documents, beats = faults.prepared(tmp_path), 0
    lock = documents.try_lock()
    assert lock is not None

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.005)

    beating = asyncio.create_task(beat())
    started = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        async with Database(f"file:{tmp_path}").write():
            pass
    beating.cancel()
    assert 0.2 <= time.monotonic() - started < 2
    assert beats > 10
    os.close(lock)
    async with Database(f"file:{tmp_path}").write() as connection:
        connection.put(KIND, "three", {})
    assert documents.names(KIND) == ["old", "one", "three", "two"]


async def test_a_cancelled_transaction_changes_all_or_nothing_and_releases_the_lock(
    tmp_path: Path,
) -> None:
    documents, database = faults.prepared(tmp_path), Database(f"file:{tmp_path}")
    for pause in (0.0, 0.0005, 0.001, 0.002, 0.005):

        async def change(number: int) -> None:
            async with database.write() as connection:
                for name in ("one", "two"):
                    connection.put(KIND, name, {"number": number})

        task = asyncio.create_task(change(int(pause * 10_000)))
        await asyncio.sleep(pause)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert documents.read((KIND, "one")).split() == documents.read((KIND, "two")).split()  # type: ignore[union-attr]
        async with database.write():
            pass


async def test_a_read_connection_refuses_changes(tmp_path: Path) -> None:
    faults.prepared(tmp_path)
    async with Database(f"file:{tmp_path}").read() as connection:
        with pytest.raises(TypeError, match="use write"):
            connection.put(KIND, "one", {})


def test_a_url_that_is_no_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="Fix: write file:FOLDER"):
        Database("sqlite+aiosqlite:///var/shop.db")


async def apply(step: Step, database: Database) -> None:
    async with database.write() as connection:
        await step.change(connection)
        step.change_folders(database.documents)


async def test_migration_steps_keep_all_data(tmp_path: Path) -> None:
    database, books = Database(f"file:{tmp_path}"), Table("books")
    database.documents.prepare()
    await apply(Create("books"), database)
    async with database.write() as connection:
        connection.put(books, "1", {"title": "One", "pages": 7})
        connection.put(books, "2", {"title": "Two", "pages": None})
    with pytest.raises(SystemExit, match="1 records in books have no pages"):
        await apply(Fill("books", "pages"), database)
    await apply(Fill("books", "pages", fill=100), database)
    await apply(Retire("books", "title", "0003"), database)
    for _ in range(2):
        await apply(RetireTable("books", "0004"), database)
    async with database.read() as connection:
        kept = await connection.find(Table("books_retired_0004"), ["1", "2"])
    assert kept == {
        "1": {"title_retired_0003": "One", "pages": 7},
        "2": {"title_retired_0003": "Two", "pages": 100},
    }


async def test_a_retired_field_is_kept_and_not_shown(tmp_path: Path) -> None:
    database, repository = Database(f"file:{tmp_path}"), Repository(faults.Count, faults.COUNTS)
    await faults.create_count(database.url)
    await apply(Retire(faults.COUNTS, "number", "0002"), database)
    async with database.write() as connection:
        count = await repository.get(connection, faults.COUNT_ID)
        later = count.model_copy(update={"version": 2, "number": 5})
        await repository.update(connection, later, 1)
    async with database.read() as connection:
        assert (await repository.page(connection, None, 10)).items == [later]
        document = await connection.get(faults.COUNTS, str(faults.COUNT_ID))
    assert document is not None
    assert (document["number"], document["number_retired_0002"]) == (5, 0)


@pytest.mark.parametrize("service", DATABASES)
class TestService:
    """A service whose disk fails, or that was migrated before."""

    async def test_without_its_folders_it_is_not_ready(
        self, system: System, service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(system.runtime(service).database, "documents", Documents(tmp_path))
        async with system.client(service) as client:
            answer = await client.get("/health/ready")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")

    async def test_a_change_on_a_full_disk_is_refused_and_changes_nothing(
        self, system: System, service: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database = system.runtime(service).database
        before = database.documents.names(MIGRATIONS)
        with monkeypatch.context() as patch:
            patch.setattr("services.common.db.documents._store", lambda *_: fail_with_full_disk())
            with pytest.raises(ServiceUnavailable, match="No space left on device"):
                async with database.write() as connection:
                    connection.put(MIGRATIONS, "never", {})
        assert database.documents.names(MIGRATIONS) == before

    async def test_migrations_may_run_again(self, system: System, service: str) -> None:
        database = system.runtime(service).database
        root = database.documents.root
        before = sorted(root.rglob("*"))
        await migrate(service, database.url)
        assert sorted(root.rglob("*")) == before
        applied = {it.stem for it in (root / ".migrations").iterdir()}
        declared = (ROOT / "services" / service / "migrations").glob("[0-9]*.py")
        assert applied == {it.stem for it in declared}
