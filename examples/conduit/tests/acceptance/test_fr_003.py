"""Acceptance of FR-003, find articles."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import Person, SignUp


@pytest.mark.requirement("FR-003-AC1")
async def test_articles_are_found_by_author_tag_and_favorites(
    anybody: Person, sign_up: SignUp
) -> None:
    author, reader = await sign_up(), await sign_up()
    tag = f"of-{author.username}"
    first = await author.publish("First", tag)
    second = await author.publish("Second")
    third = await author.publish("Third", tag)
    await reader.page.post(f"/api/articles/{second}/favorite")

    async def slugs(**wanted: str | int) -> list[str]:
        return [it["slug"] for it in (await anybody.get("/articles", **wanted))["articles"]]

    assert await slugs(author=author.username) == [third, second, first]
    assert await slugs(author=author.username, limit=1) == [third]
    assert await slugs(author=author.username, limit=1, offset=1) == [second]
    assert await slugs(tag=tag) == [third, first]
    assert await slugs(favorited=reader.username) == [second]
    assert await slugs(favorited=reader.username, tag=tag) == []
    page = await anybody.get("/articles", author=author.username, limit=2)
    assert page["articlesCount"] == 3
    assert all("body" not in it for it in page["articles"])


@pytest.mark.requirement("FR-003-AC2")
async def test_each_tag_is_listed_once(anybody: Person, sign_up: SignUp) -> None:
    author = await sign_up()
    tag = f"of-{author.username}"
    await author.publish("One", tag)
    await author.publish("Another", tag)
    assert (await anybody.get("/tags"))["tags"].count(tag) == 1


@pytest.mark.requirement("FR-003-AC3")
async def test_a_page_has_a_beginning_and_an_end(anybody: Person) -> None:
    for name, value in (("limit", 0), ("limit", 101), ("offset", -1), ("offset", "all")):
        answer = await anybody.page.get("/api/articles", params={name: value})
        assert answer.status_code == 422
        assert [*answer.json()["errors"]] == [name]
