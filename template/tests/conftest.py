"""Fixtures of all tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.fixtures.system import System, running_system


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `-k FR-001` and `-k FR-001-AC1` find what a test proves."""
    for mark in item.iter_markers("requirement"):
        item.extra_keyword_matches.update(mark.args)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """All services, running; tests share it and keep to records of their own."""
    async with running_system(tmp_path_factory.mktemp("databases")) as running:
        yield running
