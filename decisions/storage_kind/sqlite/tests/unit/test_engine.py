"""The folder of a database file is made; a database in memory has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.db import engine


async def test_the_folder_of_a_database_is_made_once(tmp_path: Path) -> None:
    for _ in range(2):
        await engine.prepare(f"sqlite+aiosqlite:///{tmp_path}/in/here/shop.db")
    assert [it.name for it in (tmp_path / "in").iterdir()] == ["here"]


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"])
async def test_a_database_in_memory_needs_no_folder(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a folder was made")

    monkeypatch.setattr(Path, "mkdir", refuse)
    await engine.prepare(url)
