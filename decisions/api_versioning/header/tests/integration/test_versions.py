"""A request may name the version that it understands, and is told which one answers."""

from __future__ import annotations

import pytest

from services.common.versions import CURRENT, HEADER
from tests.fixtures.facts import ENTITIES, Entity
from tests.fixtures.system import System

pytestmark = pytest.mark.parametrize("entity", ENTITIES.values(), ids=str)


@pytest.mark.parametrize("asked", [{}, {HEADER: CURRENT}])
async def test_the_version_that_answers_is_told(
    system: System, entity: Entity, asked: dict[str, str]
) -> None:
    async with system.client(entity.service) as client:
        answer = await client.get(entity.path, headers=asked)
    assert (answer.status_code, answer.headers[HEADER]) == (200, CURRENT)


@pytest.mark.parametrize("unknown", ["0", "2", "latest", ""])
async def test_a_version_that_is_not_served_is_refused(
    system: System, entity: Entity, unknown: str
) -> None:
    async with system.client(entity.service) as client:
        answer = await client.get(entity.path, headers={HEADER: unknown})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == f"header.{HEADER}"
