"""While an owner is away, records that it told of may be referred to; what it deleted may not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.fixtures.facts import ENTITIES, Entity
from tests.fixtures.system import System

CALLS = [
    pytest.param(entity, it, id=f"{entity}-{it['field']}")
    for entity in ENTITIES.values()
    for it in entity.references
    if it["way"] == "at"
]
TIMES = 10


async def stored(system: System, entity: Entity, draft: dict[str, Any]) -> Counter[int]:
    """How often each status answers, where a draft is sent several times."""
    async with system.client(entity.service) as client:
        return Counter(
            [(await client.post(entity.path, json=draft)).status_code for _ in range(TIMES)]
        )


@pytest.mark.parametrize(("entity", "reference"), CALLS)
async def test_what_was_looked_up_may_be_referred_to_while_its_owner_is_away(
    system: System, entity: Entity, reference: dict[str, Any]
) -> None:
    draft = await system.draft(entity)
    assert await stored(system, entity, draft) == {201: TIMES}
    with system.unplugged(reference["owner"]):
        assert await stored(system, entity, draft) == {201: TIMES}
