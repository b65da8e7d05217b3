"""Every entity can be created, read, replaced and removed, safely under concurrent writers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fixtures.facts import ENTITIES, ROUTES, Entity
from tests.fixtures.system import NO_SUCH_ID, System

pytestmark = pytest.mark.parametrize("entity", ENTITIES.values(), ids=str)


def is_problem(response: Any, status: int) -> bool:
    """Whether the response is a problem detail (RFC 9457) with the status."""
    return bool(
        response.status_code == status
        and response.headers["content-type"] == "application/problem+json"
        and response.json()["status"] == status
    )


def holds(whole: Any, part: Any) -> bool:
    """Whether everything in a draft came back, beside defaults that were filled in."""
    if isinstance(part, dict):
        return all(holds(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return bool(whole == part)


async def test_the_interface_is_the_one_in_the_specification(
    system: System, entity: Entity
) -> None:
    described = system.apps[entity.service].openapi()["paths"]
    for route in ROUTES:
        path = f"/v1/{entity.collection}" + ("/{id}" if route.one else "")
        answers = described[path][route.method.lower()]["responses"]
        assert sorted(map(int, answers)) == sorted([route.success, *route.problems])


async def test_a_record_lives_from_creation_to_removal(system: System, entity: Entity) -> None:
    draft = await system.draft(entity)
    async with system.client(entity.service) as client:
        created = await client.post(f"/v1/{entity.collection}", json=draft)
        assert created.status_code == 201
        address = created.headers["Location"]
        assert holds(created.json(), draft)

        read = await client.get(address)
        assert read.json() == created.json()

        replaced = await client.put(address, json=draft, headers={"If-Match": read.headers["ETag"]})
        assert replaced.json()["version"] == 2

        removed = await client.delete(address, headers={"If-Match": replaced.headers["ETag"]})
        assert removed.status_code == 204
        assert is_problem(await client.get(address), 404)


async def test_of_two_writers_one_is_told_to_read_again(system: System, entity: Entity) -> None:
    record = await system.create(entity)
    draft = await system.draft(entity)
    address = f"/v1/{entity.collection}/{record['id']}"
    async with system.client(entity.service) as client:
        answers = await asyncio.gather(
            *(client.put(address, json=draft, headers={"If-Match": '"1"'}) for _ in range(2))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412]
        assert is_problem(await client.put(address, json=draft), 428)


async def test_pages_hold_every_record_once(system: System, entity: Entity) -> None:
    made = [(await system.create(entity))["id"] for _ in range(3)]
    seen: list[str] = []
    after: dict[str, str] = {}
    async with system.client(entity.service) as client:
        while True:
            page = await client.get(f"/v1/{entity.collection}", params={"limit": "2", **after})
            seen += [item["id"] for item in page.json()["items"]]
            if page.json()["next"] is None:
                break
            after = {"after": page.json()["next"]}
    assert len(seen) == len(set(seen))
    assert [id for id in seen if id in made] == made


async def test_what_was_not_declared_is_refused(system: System, entity: Entity) -> None:
    draft = await system.draft(entity)
    async with system.client(entity.service) as client:
        answer = await client.post(f"/v1/{entity.collection}", json=draft | {"undeclared": 1})
    assert is_problem(answer, 422)
    assert answer.json()["errors"][0]["field"] == "body.undeclared"


async def test_callers_without_a_key_are_refused(system: System, entity: Entity) -> None:
    async with system.client(entity.service, key="wrong") as client:
        for route in ROUTES:
            path = f"/v1/{entity.collection}" + (f"/{NO_SUCH_ID}" if route.one else "")
            assert is_problem(await client.request(route.method, path), 401)
