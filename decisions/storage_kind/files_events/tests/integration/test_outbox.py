"""Each message in the outbox has its own position, also when several processes publish at once."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from services.common.db.database import Database
from services.common.messaging import outbox
from tests.fixtures.system import an_event


async def test_positions_are_unique_and_grow_even_if_the_clock_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Database(f"file:{tmp_path}"), Database(f"file:{tmp_path}")
    first.documents.prepare(outbox.OUTBOX)

    async def publish(database: Database) -> None:
        for _ in range(4):
            async with database.write() as connection:
                await outbox.add(connection, an_event(), ["somebody", "another"])

    for at in (2_000, 1_000):
        monkeypatch.setattr(time, "time_ns", lambda at=at: at)
        await asyncio.gather(publish(first), publish(second))
        monkeypatch.undo()
    async with first.read() as connection:
        waiting = await outbox.oldest(connection, 100)
    positions = [it.position for it in waiting]
    assert len(positions) == 32
    assert positions == sorted(set(positions))
