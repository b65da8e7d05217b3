"""Fixtures of all tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.common.hooks import EntityHooks
from tests.fixtures import adaptations
from tests.fixtures.facts import Entity
from tests.fixtures.system import System, running_system, service_of


def pytest_configure() -> None:
    """Tell at once what in `tests/drafts.py` no test would use."""
    if found := list(adaptations.mistakes()):
        raise pytest.UsageError("\n".join(f"{adaptations.FILE}: {it}" for it in found))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `-k FR-001` and `-k FR-001-AC1` find what a test proves."""
    for mark in item.iter_markers("requirement"):
        item.extra_keyword_matches.update(mark.args)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests that would be repeated for each of nothing, which pytest would skip."""
    items[:] = [it for it in items if not _is_for_nothing(it)]


def _is_for_nothing(item: pytest.Item) -> bool:
    reasons = [str(mark.kwargs.get("reason")) for mark in item.iter_markers("skip")]
    return any(it.startswith("got empty parameter set") for it in reasons)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """All services, running; tests share it and keep to their own records."""
    async with running_system(tmp_path_factory.mktemp("databases")) as running:
        yield running


@pytest.fixture
def without_rules(entity: Entity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let records of the entity change as the rules of the project might not let them."""
    monkeypatch.setattr(service_of(entity), "rules_class", EntityHooks)
