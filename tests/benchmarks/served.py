"""Runs inside a generated bookshop: serves a bare FastAPI app, or its catalog, and says where a book is.

The bare app is served `silent`, or `logging` each request as uvicorn does by itself.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack

import uvicorn
from scripts.migrate import migrate
from services.catalog.main import app, service
from services.common.config import load_settings
from services.common.db.database import Database

from probe import bare, request


async def main(which: str, port: int) -> None:
    url = load_settings().database_url(service.name)
    await migrate(service.name, url)
    draft = {"title": "A book", "author": "Somebody", "price": "12.50"}
    async with AsyncExitStack() as stack:
        database = Database(url)
        stack.push_async_callback(database.close)
        async with app.router.lifespan_context(app):
            book = json.loads(await request(app, "/v1/books", "POST", json.dumps(draft).encode()))
        if which == "logging":
            config = uvicorn.Config(bare(database), port=port)
        else:  # as `scripts/processes.py` serves a process
            served = bare(database) if which == "silent" else app
            config = uvicorn.Config(served, port=port, log_config=None, access_log=False)
        print(f"/v1/books/{book['id']}", file=sys.stderr, flush=True)
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
