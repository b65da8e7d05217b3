"""People who have signed up, for the acceptance tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import pytest_asyncio

from tests.fixtures.system import System

PASSWORD = "open sesame"


@dataclass(frozen=True)
class Person:
    """A user, and the page that calls the API with the user's token."""

    username: str
    page: httpx2.AsyncClient

    async def publish(self, title: str = "A title", *tags: str) -> str:
        """Publish an article; its slug."""
        article = {"title": title, "description": "What it is about", "body": "All of it"}
        answer = await self.page.post(
            "/api/articles", json={"article": article | {"tagList": tags}}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["article"]["slug"])

    async def comment(self, slug: str, body: str = "Well said") -> int:
        """Comment on an article; the id of the comment."""
        comment = {"comment": {"body": body}}
        answer = await self.page.post(f"/api/articles/{slug}/comments", json=comment)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["comment"]["id"])

    async def get(self, path: str, **parameters: str | int) -> dict[str, Any]:
        """What a request is answered."""
        answer = await self.page.get(f"/api{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


SignUp = Callable[[], Awaitable[Person]]


@pytest_asyncio.fixture
async def anybody(system: System) -> AsyncIterator[Person]:
    """Somebody who has not logged in."""
    async with system.client("conduit", {}) as page:
        yield Person("", page)


@pytest_asyncio.fixture
async def sign_up(system: System) -> AsyncIterator[SignUp]:
    """Let people sign up, each under a name of their own."""
    async with AsyncExitStack() as pages:

        async def somebody() -> Person:
            page = await pages.enter_async_context(system.client("conduit", {}))
            name = f"somebody-{uuid4().hex}"
            user = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
            answer = await page.post("/api/users", json={"user": user})
            assert answer.status_code == 201, answer.text
            page.headers["Authorization"] = f"Token {answer.json()['user']['token']}"
            return Person(name, page)

        yield somebody
