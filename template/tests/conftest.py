"""Fixtures of all tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import stamina

from tests.fixtures.system import System, running_system


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `-k FR-001` and `-k FR-001-AC1` find what a test proves."""
    for mark in item.iter_markers("requirement"):
        item.extra_keyword_matches.update(mark.args)


@pytest.fixture(scope="session", autouse=True)
def no_pauses() -> Iterator[None]:
    """Retry as in production, but at once."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """All services, running; tests share it and keep to records of their own."""
    async with running_system(tmp_path_factory.mktemp("databases")) as running:
        yield running
