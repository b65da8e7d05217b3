"""Acceptance of FR-006, keep favorites."""

from __future__ import annotations

import asyncio

import pytest

from tests.acceptance.conftest import Person, SignUp


@pytest.mark.requirement("FR-006-AC1")
async def test_a_favorite_counts_once_however_often_it_is_pressed(
    anybody: Person, sign_up: SignUp
) -> None:
    readers = [await sign_up() for _ in range(2)]
    slug = await readers[0].publish()
    presses = (it.page.post(f"/api/articles/{slug}/favorite") for it in readers * 5)
    answers = await asyncio.gather(*presses)
    assert {it.status_code for it in answers} == {200}
    assert all(it.json()["article"]["favorited"] for it in answers)
    article = (await anybody.get(f"/articles/{slug}"))["article"]
    assert (article["favoritesCount"], article["favorited"]) == (2, False)


@pytest.mark.requirement("FR-006-AC2")
async def test_a_favorite_that_is_taken_back_does_not_count(sign_up: SignUp) -> None:
    reader = await sign_up()
    slug = await reader.publish()
    await reader.page.post(f"/api/articles/{slug}/favorite")
    presses = (reader.page.delete(f"/api/articles/{slug}/favorite") for _ in range(5))
    answers = await asyncio.gather(*presses)
    assert {it.status_code for it in answers} == {200}
    article = answers[-1].json()["article"]
    assert (article["favoritesCount"], article["favorited"]) == (0, False)
