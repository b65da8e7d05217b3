"""Changes of documents are made as a whole and one after the other, whatever happens to disk and processes."""

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

from services.common import storage
from services.common.documents import Documents
from services.common.errors import Away
from services.common.storage import MIGRATIONS, Database, Store, Table
from scripts.migrate import migrate
from scripts.migrations.steps import Create, Fill, Retire, RetireTable, Step
from scripts.processes import ROOT
from tests.fixtures import breaking
from tests.fixtures.breaking import AFTER, BEFORE, CHANGE
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import System

KIND = Table(breaking.KIND)


def breaker(*arguments: str) -> subprocess.Popen[str]:
    """A process that changes documents."""
    command = [sys.executable, "-m", breaking.__name__, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_process_may_be_killed_anywhere(tmp_path: Path) -> None:
    with breaker("kill", str(tmp_path)) as killed:
        printed, _ = killed.communicate()
    assert killed.returncode == 0
    assert int(printed) > 20


@pytest.mark.parametrize("stays", [False, True])
def test_a_disk_may_be_full_anywhere(tmp_path: Path, stays: bool) -> None:
    """What was refused did not happen, and what was not is there as soon as anybody looks."""
    before = breaking.prepared(tmp_path / "before").root
    for at in count():
        documents = Documents(shutil.copytree(before, tmp_path / str(at)))
        refused = False
        with breaking.failing(at, full, stays=stays) as failed:
            try:
                documents.commit(CHANGE)
            except OSError:
                refused = True
        documents.recover()
        assert breaking.content(documents) == (BEFORE if refused else AFTER), (at, failed)
        assert list((documents.root / ".staged").iterdir()) == []
        if not failed:
            break
    assert at > 20


async def test_processes_change_one_record_and_many(tmp_path: Path) -> None:
    """Nothing is lost, nothing is there twice, although some of them are killed."""
    url, times = f"file:{tmp_path}", 8
    await breaking.start(url)
    mortal = breaker("work", url, "100000")
    lasting = [breaker("work", url, str(times)) for _ in range(2)]
    for process in lasting:
        await asyncio.to_thread(process.communicate)
        mortal.kill()
        mortal.communicate()
        mortal = breaker("work", url, "100000")
    mortal.kill()
    mortal.communicate()
    assert [it.returncode for it in lasting] == [0, 0]
    number, added = await breaking.counted(url)
    assert number >= 2 * times
    assert added == list(range(1, number + 1))


async def test_tasks_change_one_record_and_many(tmp_path: Path) -> None:
    url = f"file:{tmp_path}"
    await breaking.start(url)
    await asyncio.gather(*(breaking.work(url, 5) for _ in range(4)))
    assert await breaking.counted(url) == (20, list(range(1, 21)))


async def test_whoever_reads_ends_what_was_interrupted(tmp_path: Path) -> None:
    documents = breaking.prepared(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "_finish", lambda _: full())
        documents.commit(CHANGE)
    assert documents.is_interrupted()
    database = Database(f"file:{tmp_path}")
    async with database.read() as connection:
        assert await connection.names(KIND) == ["one", "two"]
    assert not documents.is_interrupted()
    assert breaking.content(documents) == AFTER


async def test_who_waits_for_others_blocks_nobody_and_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "PATIENCE_S", 0.2)
    documents, beats = breaking.prepared(tmp_path), 0
    lock = documents.try_lock()
    assert lock is not None

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.005)

    beating = asyncio.create_task(beat())
    started = time.monotonic()
    with pytest.raises(Away):
        async with Database(f"file:{tmp_path}").write():
            pass
    beating.cancel()
    assert 0.2 <= time.monotonic() - started < 2
    assert beats > 10
    os.close(lock)
    async with Database(f"file:{tmp_path}").write() as connection:
        connection.put(KIND, "three", {})
    assert documents.names(KIND) == ["old", "one", "three", "two"]


async def test_a_cancellation_leaves_no_half_change_and_no_lock(tmp_path: Path) -> None:
    documents, database = breaking.prepared(tmp_path), Database(f"file:{tmp_path}")
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


async def test_what_is_read_cannot_be_changed(tmp_path: Path) -> None:
    breaking.prepared(tmp_path)
    async with Database(f"file:{tmp_path}").read() as connection:
        with pytest.raises(TypeError, match="use write"):
            connection.put(KIND, "one", {})


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(ValueError, match="Fix: write file:FOLDER"):
        Database("sqlite+aiosqlite:///var/shop.db")


async def step(database: Database, it: Step) -> None:
    async with database.write() as connection:
        await it.change(connection)
        it.arrange(database.documents)


async def test_steps_of_migrations_lose_nothing(tmp_path: Path) -> None:
    database, books = Database(f"file:{tmp_path}"), Table("books")
    database.documents.prepare()
    await step(database, Create("books"))
    async with database.write() as connection:
        connection.put(books, "1", {"title": "One", "pages": 7})
        connection.put(books, "2", {"title": "Two", "pages": None})
    with pytest.raises(SystemExit, match="1 records in books have no pages"):
        await step(database, Fill("books", "pages"))
    await step(database, Fill("books", "pages", fill=100))
    await step(database, Retire("books", "title", "0003"))
    for _ in range(2):
        await step(database, RetireTable("books", "0004"))
    async with database.read() as connection:
        kept = await connection.find(Table("books_retired_0004"), ["1", "2"])
    assert kept == {
        "1": {"title_retired_0003": "One", "pages": 7},
        "2": {"title_retired_0003": "Two", "pages": 100},
    }


async def test_what_is_out_of_use_is_kept_and_not_shown(tmp_path: Path) -> None:
    database, store = Database(f"file:{tmp_path}"), Store(breaking.Count, breaking.COUNTS)
    await breaking.start(database.url)
    await step(database, Retire(breaking.COUNTS, "number", "0002"))
    async with database.write() as connection:
        count = await store.get(connection, breaking.COUNT_ID)
        later = count.model_copy(update={"version": 2, "number": 5})
        await store.replace(connection, later, 1)
    async with database.read() as connection:
        assert (await store.page(connection, None, 10)).items == [later]
        document = await connection.get(breaking.COUNTS, str(breaking.COUNT_ID))
    assert document is not None
    assert (document["number"], document["number_retired_0002"]) == (5, 0)


@pytest.mark.parametrize("service", SERVICES)
class TestService:
    """What a service says when its disk does not do what it is asked."""

    async def test_without_its_folders_it_is_not_ready(
        self, system: System, service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(system.runtime(service).database, "documents", Documents(tmp_path))
        async with system.client(service) as client:
            answer = await client.get("/health/ready")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")

    async def test_a_full_disk_keeps_what_is_there(
        self, system: System, service: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database = system.runtime(service).database
        before = database.documents.names(MIGRATIONS)
        with monkeypatch.context() as patch:
            patch.setattr("services.common.documents._store", lambda *_: full())
            with pytest.raises(Away, match="No space left on device"):
                async with database.write() as connection:
                    connection.put(MIGRATIONS, "never", {})
        assert database.documents.names(MIGRATIONS) == before

    async def test_migrations_may_run_again(self, system: System, service: str) -> None:
        database = system.runtime(service).database
        root = database.documents.root
        before = sorted(root.rglob("*"))
        await migrate(service, database.url)
        assert sorted(root.rglob("*")) == before
        done = {it.stem for it in (root / ".migrations").iterdir()}
        there = (ROOT / "services" / service / "migrations").glob("[0-9]*.py")
        assert done == {it.stem for it in there}
