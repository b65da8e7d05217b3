"""A request may name the version that it wants, and the response names the version that it has."""

from __future__ import annotations

import pytest

from services.common.api.versioning import CURRENT, HEADER
from tests.fixtures.adaptations import offering
from tests.fixtures.facts import Entity
from tests.fixtures.system import System

pytestmark = pytest.mark.parametrize("entity", offering("list"), ids=str)


@pytest.mark.parametrize("headers", [{}, {HEADER: CURRENT}])
async def test_a_response_names_its_version(
    system: System, entity: Entity, headers: dict[str, str]
) -> None:
    async with system.client(entity.service) as client:
        answer = await client.get(entity.path, headers=headers)
    assert (answer.status_code, answer.headers[HEADER]) == (200, CURRENT)


@pytest.mark.parametrize("unknown", ["0", "2", "latest", ""])
async def test_a_version_that_is_not_served_is_refused(
    system: System, entity: Entity, unknown: str
) -> None:
    async with system.client(entity.service) as client:
        answer = await client.get(entity.path, headers={HEADER: unknown})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == f"header.{HEADER}"
