"""No path has a version, and no service breaks when another adds a field."""

from __future__ import annotations

import re

import pytest

from services.common.models import View
from tests.fixtures.adaptations import offering
from tests.fixtures.facts import Entity
from tests.fixtures.system import System


@pytest.mark.parametrize("entity", offering(), ids=str)
async def test_no_path_has_a_version(system: System, entity: Entity) -> None:
    paths = system.apps[entity.service].openapi()["paths"]
    assert {it.path for it in entity.operations} <= set(paths)
    assert not any(re.match(r"/v[0-9]+/", path) for path in paths)


def test_fields_that_another_service_adds_are_ignored() -> None:
    class Known(View):
        label: str

    assert Known.model_validate({"label": "a", "added": "later"}) == Known(label="a")
