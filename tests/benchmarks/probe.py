"""Runs inside the generated bookshop: times a request to its catalog against the same one to a bare FastAPI app.

Requests are plain ASGI calls in process, so that neither a server nor a client is in the numbers.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

from fastapi import APIRouter, FastAPI
from scripts.migrate import migrate
from services.catalog import models, tables
from services.catalog.api import router as catalog_router
from services.catalog.main import service
from services.common.api.app import create_app
from services.common.base import ServiceDefinition
from services.common.config import load_settings
from services.common.db.database import Database
from services.common.db.repository import Repository
from services.common.observability import logs

ROUNDS, REQUESTS = 15, 300

constant = APIRouter()


@constant.get("/constant")
async def answer() -> dict[str, str]:
    return {"status": "ok"}


def bare(database: Database) -> FastAPI:
    """What a route costs with FastAPI alone: the constant, and a book from the same repository."""
    app = FastAPI()
    repository = Repository(models.Book, tables.books)
    app.include_router(constant)

    @app.get("/v1/books/{id}")
    async def get_book(id: UUID) -> models.Book:
        async with database.read() as connection:
            return await repository.get(connection, id)

    return app


def generated(router: APIRouter) -> FastAPI:
    """The catalog's middleware, keys and errors around a router."""
    return create_app(ServiceDefinition(name=service.name, summary=service.summary), router, public=[])


async def request(app: FastAPI, path: str, method: str = "GET", body: bytes = b"") -> bytes:
    """One request with the service key; returns the body of the answer."""
    key = os.environ["SERVICE_KEY"].encode()
    headers = [(b"x-api-key", key), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }
    answered: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] < 300, message
        else:
            answered.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(answered)


async def microseconds(app: FastAPI, path: str, level: str = "WARNING") -> float:
    """The time of a request, with the access log from level INFO on."""
    logs.configure(load_settings().model_copy(update={"log_level": level}))
    start = time.perf_counter()
    for _ in range(REQUESTS):
        await request(app, path)
    return (time.perf_counter() - start) / REQUESTS * 1e6


async def compare(path: str, router: APIRouter, database: Database) -> list[float]:
    """Microseconds of the bare app, ours without and ours with the access log: the best of rounds taken in turns."""
    plain, ours = bare(database), generated(router)
    async with ours.router.lifespan_context(ours):
        times = [
            [
                await microseconds(plain, path),
                await microseconds(ours, path),
                await microseconds(ours, path, "INFO"),
            ]
            for _ in range(ROUNDS)
        ]
    return [min(column) for column in zip(*times, strict=True)]


async def main() -> None:
    url = load_settings().database_url(service.name)
    await migrate(service.name, url)
    draft = {"title": "A book", "author": "Somebody", "price": "12.50"}
    async with AsyncExitStack() as stack:
        database = Database(url)
        stack.push_async_callback(database.close)
        whole = generated(catalog_router)
        await stack.enter_async_context(whole.router.lifespan_context(whole))
        book = json.loads(await request(whole, "/v1/books", "POST", json.dumps(draft).encode()))
        results = {
            "a constant": await compare("/constant", constant, database),
            "a book, by id": await compare(f"/v1/books/{book['id']}", catalog_router, database),
        }
    print(json.dumps(results), file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main())
