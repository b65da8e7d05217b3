"""Acceptance of FR-004, follow authors."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import Person, SignUp


@pytest.mark.requirement("FR-004-AC1")
async def test_a_profile_shows_who_is_followed(anybody: Person, sign_up: SignUp) -> None:
    author, reader = await sign_up(), await sign_up()
    path = f"/profiles/{author.username}"
    shown = {"username": author.username, "bio": None, "image": None}
    for _ in range(2):
        answer = await reader.page.post(f"/api{path}/follow")
        assert (answer.status_code, answer.json()["profile"]) == (200, shown | {"following": True})
    assert (await reader.get(path))["profile"]["following"] is True
    assert (await anybody.get(path))["profile"]["following"] is False
    for _ in range(2):
        answer = await reader.page.delete(f"/api{path}/follow")
        assert (answer.status_code, answer.json()["profile"]) == (200, shown | {"following": False})
    answer = await reader.page.post(f"/api{path}-unknown/follow")
    assert (answer.status_code, answer.json()) == (404, {"errors": {"profile": ["not found"]}})


@pytest.mark.requirement("FR-004-AC2")
async def test_a_feed_has_the_articles_of_those_who_are_followed(sign_up: SignUp) -> None:
    followed, other, reader = await sign_up(), await sign_up(), await sign_up()
    first, second = await followed.publish("First"), await followed.publish("Second")
    await other.publish("Not for this reader")
    assert await reader.get("/articles/feed") == {"articles": [], "articlesCount": 0}

    await reader.page.post(f"/api/profiles/{followed.username}/follow")
    feed = await reader.get("/articles/feed")
    assert [it["slug"] for it in feed["articles"]] == [second, first]
    assert all(it["author"]["following"] for it in feed["articles"])
    page = await reader.get("/articles/feed", limit=1, offset=1)
    assert ([it["slug"] for it in page["articles"]], page["articlesCount"]) == ([first], 2)
