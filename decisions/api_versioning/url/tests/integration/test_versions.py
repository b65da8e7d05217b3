"""Every path of the API has its version."""

from __future__ import annotations

import pytest

from tests.fixtures.facts import SERVICES
from tests.fixtures.system import System


@pytest.mark.parametrize("service", SERVICES)
async def test_every_path_has_its_version(system: System, service: str) -> None:
    paths = system.apps[service].openapi()["paths"]
    assert all(path.startswith(("/v1/", "/health/")) for path in paths)
