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
TIMES = 3


async def remove(system: System, entity: Entity, id: str) -> None:
    async with system.client(entity.service) as client:
        record = await client.get(f"{entity.path}/{id}")
        current = {"If-Match": record.headers["ETag"]}
        removed = await client.delete(f"{entity.path}/{id}", headers=current)
    assert removed.status_code == 204


async def answers(system: System, entity: Entity, draft: dict[str, Any]) -> Counter[int]:
    """How often each status answers a draft; what is stored is removed before the next."""
    found: Counter[int] = Counter()
    for _ in range(TIMES):
        async with system.client(entity.service) as client:
            answer = await client.post(entity.path, json=draft)
        found[answer.status_code] += 1
        if answer.is_success:
            await remove(system, entity, answer.json()["id"])
    return found


@pytest.mark.parametrize(("entity", "reference"), CALLS)
async def test_what_was_looked_up_may_be_referred_to_while_its_owner_is_away(
    system: System, entity: Entity, reference: dict[str, Any]
) -> None:
    draft = await system.draft(entity)
    assert await answers(system, entity, draft) == {201: TIMES}
    with system.unplugged(reference["owner"]):
        assert await answers(system, entity, draft) == {201: TIMES}


@pytest.mark.parametrize(("entity", "reference"), CALLS)
async def test_what_was_deleted_is_not_there_while_its_owner_is_away(
    system: System, entity: Entity, reference: dict[str, Any]
) -> None:
    draft = await system.draft(entity)
    assert await answers(system, entity, draft) == {201: TIMES}
    id: Any = draft
    for key in reference["path"]:
        id = id[key]
    await remove(system, ENTITIES[reference["entity"]], id)
    assert await answers(system, entity, draft) == {409: TIMES}
    with system.unplugged(reference["owner"]):
        declared = {"refuse": 503, "accept": 201}[reference["when_away"]]
        assert await answers(system, entity, draft) == {declared: TIMES}
