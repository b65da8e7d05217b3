"""Events get places of their own in the outbox, whoever publishes at the same time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from services.common import boxes
from services.common.envelopes import Envelope
from services.common.storage import Database
from services.common.utils import new_id, now


def envelope() -> Envelope:
    return Envelope(
        id=new_id(),
        source="/tests",
        type="thing.saved",
        subject=new_id(),
        time=now(),
        sequence=1,
        data={},
    )


async def test_no_place_is_given_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still, and is set back: an event is behind those that were there before it."""
    first, second = Database(f"file:{tmp_path}"), Database(f"file:{tmp_path}")
    first.documents.prepare(*boxes.KINDS)

    async def publish(database: Database) -> None:
        for _ in range(4):
            async with database.write() as connection:
                await boxes.publish(connection, envelope(), ["somebody", "another"])

    for at in (2_000, 1_000):
        monkeypatch.setattr(time, "time_ns", lambda at=at: at)
        await asyncio.gather(publish(first), publish(second))
        monkeypatch.undo()
    async with first.read() as connection:
        waiting = await boxes.oldest(connection, 100)
    places = [it.position for it in waiting]
    assert len(places) == 32
    assert places == sorted(set(places))
