"""Acceptance of FR-002, write articles."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import Person, SignUp


@pytest.mark.requirement("FR-002-AC1")
async def test_an_article_is_found_by_the_words_of_its_title(
    anybody: Person, sign_up: SignUp
) -> None:
    author = await sign_up()
    slug = await author.publish("Über Drachen, zum Ersten!", "dragons", "beasts", "dragons")
    assert slug.startswith("uber-drachen-zum-ersten-")
    article = (await anybody.get(f"/articles/{slug}"))["article"]
    assert (article["slug"], article["body"]) == (slug, "All of it")
    assert article["tagList"] == ["beasts", "dragons"]
    assert article["author"]["username"] == author.username
    assert article["createdAt"] == article["updatedAt"]


@pytest.mark.requirement("FR-002-AC2")
async def test_two_articles_may_have_one_title(anybody: Person, sign_up: SignUp) -> None:
    author = await sign_up()
    slugs = {await author.publish("Twice"), await author.publish("Twice")}
    assert len(slugs) == 2
    for slug in slugs:
        assert (await anybody.get(f"/articles/{slug}"))["article"]["title"] == "Twice"


@pytest.mark.requirement("FR-002-AC3")
async def test_a_new_title_means_a_new_slug(anybody: Person, sign_up: SignUp) -> None:
    author = await sign_up()
    slug = await author.publish("Before", "kept")
    before = (await anybody.get(f"/articles/{slug}"))["article"]

    changed = {"article": {"title": "After"}}
    after = (await author.page.put(f"/api/articles/{slug}", json=changed)).json()["article"]
    assert after["slug"].startswith("after-")
    assert (await anybody.page.get(f"/api/articles/{slug}")).status_code == 404
    own = ("title", "slug", "updatedAt")
    kept = {it: value for it, value in before.items() if it not in own}
    assert after.items() >= kept.items()
    assert (await anybody.get(f"/articles/{after['slug']}"))["article"] == after

    path = f"/api/articles/{after['slug']}"
    untagged = await author.page.put(path, json={"article": {"tagList": []}})
    assert untagged.json()["article"].items() >= {"tagList": [], "slug": after["slug"]}.items()


@pytest.mark.requirement("FR-002-AC4")
async def test_nobody_else_touches_an_article(anybody: Person, sign_up: SignUp) -> None:
    slug, somebody = await (await sign_up()).publish(), await sign_up()
    changed = {"article": {"body": "Mine"}}
    for answer in (
        await somebody.page.put(f"/api/articles/{slug}", json=changed),
        await somebody.page.delete(f"/api/articles/{slug}"),
    ):
        assert (answer.status_code, answer.json()) == (403, {"errors": {"article": ["forbidden"]}})
    assert (await anybody.get(f"/articles/{slug}"))["article"]["body"] == "All of it"


@pytest.mark.requirement("FR-002-AC5")
async def test_what_belongs_to_an_article_goes_with_it(anybody: Person, sign_up: SignUp) -> None:
    author, reader = await sign_up(), await sign_up()
    tag = f"of-{author.username}"
    slug = await author.publish("Short-lived", tag)
    await reader.comment(slug)
    await reader.page.post(f"/api/articles/{slug}/favorite")

    assert (await author.page.delete(f"/api/articles/{slug}")).status_code == 204
    for path in (f"/articles/{slug}", f"/articles/{slug}/comments"):
        answer = await anybody.page.get(f"/api{path}")
        assert (answer.status_code, answer.json()) == (404, {"errors": {"article": ["not found"]}})
    assert tag not in (await anybody.get("/tags"))["tags"]
    assert (await anybody.get("/articles", favorited=reader.username))["articlesCount"] == 0


@pytest.mark.requirement("FR-002-AC6")
async def test_no_text_of_an_article_is_missing(sign_up: SignUp) -> None:
    author = await sign_up()
    answer = await author.page.post("/api/articles", json={"article": {"title": " ", "body": ""}})
    assert answer.status_code == 422
    blank = ["can't be blank"]
    assert answer.json() == {"errors": {"title": blank, "description": blank, "body": blank}}
