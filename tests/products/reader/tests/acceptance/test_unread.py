"""What was read is not shown again, and what others follow is not shown at all."""

from __future__ import annotations

import asyncio

from tests.fixtures.system import System


async def test_an_item_is_unread_until_it_was_read(system: System) -> None:
    async with system.client("reader") as client:
        feed = {"address": "https://example.com/one", "title": "One"}
        one = (await client.post("/v1/feeds", json=feed)).json()["id"]
        other = (await client.post("/v1/feeds", json=feed | {"address": "two"})).json()["id"]
        follow = {"feed": one, "follower": "tests"}
        assert (await client.post("/v1/subscriptions", json=follow)).status_code == 201
        made = [
            (
                await client.post(
                    "/v1/items",
                    json={"feed": it, "title": "News", "published": f"2026-11-0{day}T08:00:00Z"},
                )
            ).json()["id"]
            for day, it in enumerate((one, one, other), start=1)
        ]
        unread = (await client.get("/v1/items/unread")).json()
        assert [it["id"] for it in unread if it["feed"] == one] == [made[1], made[0]]
        assert other not in {it["feed"] for it in unread}

        answers = await asyncio.gather(
            *(client.put(f"/v1/items/{made[1]}/read") for _ in range(10))
        )
        assert {it.status_code for it in answers} == {204}
        assert (await client.get("/v1/items/unread")).json()[0]["id"] == made[0]
        readings = (await client.get("/v1/readings", params={"limit": 200})).json()["items"]
        assert [it["item"] for it in readings].count(made[1]) == 1


async def test_an_address_is_kept_once(system: System) -> None:
    feed = {"address": "https://example.com/twice", "title": "Twice"}
    async with system.client("reader") as client:
        answers = await asyncio.gather(*(client.post("/v1/feeds", json=feed) for _ in range(10)))
        assert sorted(it.status_code for it in answers) == [201] + [409] * 9


async def test_nobody_follows_for_somebody_else(system: System) -> None:
    async with system.client("reader") as client:
        feed = (await system.create("Feed"))["id"]
        draft = {"feed": feed, "follower": "somebody else"}
        assert (await client.post("/v1/subscriptions", json=draft)).status_code == 403


async def test_everybody_sees_the_newest_feeds(system: System) -> None:
    await system.create("Feed")
    async with system.client("reader", {}) as client:
        answer = await client.get("/v1/feeds/newest")
    assert answer.status_code == 200
    assert answer.json()
