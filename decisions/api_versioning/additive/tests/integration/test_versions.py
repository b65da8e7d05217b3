"""No address names a version, and no client breaks when a field is added."""

from __future__ import annotations

import re

import pytest

from services.common.models import View
from tests.fixtures.facts import ENTITIES, Entity
from tests.fixtures.system import System


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=str)
async def test_no_address_has_a_version(system: System, entity: Entity) -> None:
    paths = system.apps[entity.service].openapi()["paths"]
    assert entity.path in paths
    assert not any(re.match(r"/v[0-9]+/", path) for path in paths)


def test_what_one_service_reads_of_another_may_grow() -> None:
    class Seen(View):
        label: str

    assert Seen.model_validate({"label": "a", "added": "later"}) == Seen(label="a")
