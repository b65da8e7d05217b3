"""Acceptance of FR-005, comment on articles."""

from __future__ import annotations

import asyncio

import pytest

from tests.acceptance.conftest import Person, SignUp


@pytest.mark.requirement("FR-005-AC1")
async def test_a_comment_is_listed_with_its_author(anybody: Person, sign_up: SignUp) -> None:
    author, reader = await sign_up(), await sign_up()
    slug = await author.publish()
    published = (await anybody.get(f"/articles/{slug}"))["article"]
    id = await reader.comment(slug, "Is that so?")
    (comment,) = (await anybody.get(f"/articles/{slug}/comments"))["comments"]
    assert (comment["id"], comment["body"]) == (id, "Is that so?")
    assert comment["author"]["username"] == reader.username
    assert (await anybody.get(f"/articles/{slug}"))["article"] == published


@pytest.mark.requirement("FR-005-AC2")
async def test_no_comment_has_the_id_of_another(anybody: Person, sign_up: SignUp) -> None:
    author = await sign_up()
    slug = await author.publish()
    at_once = await asyncio.gather(*(author.comment(slug) for _ in range(5)))
    assert len({*at_once}) == 5
    path = f"/api/articles/{slug}/comments/{max(at_once)}"
    assert (await author.page.delete(path)).status_code == 204
    assert await author.comment(slug) not in at_once
    answer = await author.page.delete(path)
    assert (answer.status_code, answer.json()) == (404, {"errors": {"comment": ["not found"]}})


@pytest.mark.requirement("FR-005-AC3")
async def test_nobody_else_deletes_a_comment(anybody: Person, sign_up: SignUp) -> None:
    author, reader = await sign_up(), await sign_up()
    slug = await author.publish()
    id = await reader.comment(slug)
    answer = await author.page.delete(f"/api/articles/{slug}/comments/{id}")
    assert (answer.status_code, answer.json()) == (403, {"errors": {"comment": ["forbidden"]}})
    assert len((await anybody.get(f"/articles/{slug}/comments"))["comments"]) == 1
