"""A field gets another name while copies, events and jobs have it under its former one: none of them is lost."""

from __future__ import annotations

import json
import shutil
from typing import Any

from copies import Generate, Reanswer
from projects import check_whole, environment, run

LIBRARY: dict[str, Any] = {
    "project_name": "Library",
    "concept": "Lends books.",
    "architecture_style": "services",
    "communication": "http_and_events",
    "job_management": "queue",
    "storage_kind": "sqlite",
    "services": [
        {"name": "shelf", "responsibility": "keeps", "publishes": ["book.lost on delete Book"]},
        {
            "name": "loans",
            "responsibility": "lends",
            "subscribes": ["keep Book", "on book.lost: create Loss(name: title)"],
        },
    ],
    "data_entities": ["shelf.Book(title: str, pages: int)", "loans.Loan(book: Book)", "loans.Loss(name: str)"],
    "jobs": ["shelf: weigh on create Book"],
}
RENAMED: dict[str, Any] = {
    "services": [
        LIBRARY["services"][0],
        {
            "name": "loans",
            "responsibility": "lends",
            "subscribes": ["keep Book", "on book.lost: create Loss(name: label)"],
        },
    ],
    "data_entities": ["shelf.Book(label: str, leaves: int)", *LIBRARY["data_entities"][1:]],
    "renames": ["Book.title -> label", "Book.pages -> leaves"],
}

FILL = """
import asyncio, json
from services.common.auth.callers import SERVICE_CALLER
from services.common.config import load_settings
from services.common.messaging import copy_store, outbox
from services.common.messaging.envelope import Envelope
from services.loans.main import service as loans
from services.shelf.main import service as shelf
from services.shelf.models import BookDraft
from services.shelf.services import BookService

async def main():
    settings = load_settings()
    async with shelf.lifespan(settings) as at_shelf, loans.lifespan(settings) as at_loans:
        books = BookService(at_shelf, SERVICE_CALLER)
        kept = await books.create(BookDraft(title="Kept", pages=3))
        lost = await books.create(BookDraft(title="Lost", pages=4))
        await books.delete(lost.id, 1)
        async with at_shelf.database.read() as connection:
            events = [Envelope.model_validate(it.event) for it in await outbox.oldest(connection, 10)]
        async with at_loans.database.write() as connection:
            await copy_store.save(connection, "Book", events[0], removed=False)
    print(json.dumps([str(kept.id), events[-1].model_dump(mode="json")]))

asyncio.run(main())
"""

WORK = """
import asyncio, json, sys
from uuid import UUID
from services.common.auth.callers import SERVICE_CALLER
from services.common.config import load_settings
from services.common.jobs.runner import JobRunner
from services.common.messaging.envelope import Envelope
from services.loans.consumers import consumer
from services.loans.main import service as loans
from services.loans.models import LoanDraft
from services.loans.services import LoanService, LossService
from services.shelf.jobs import jobs
from services.shelf.main import service as shelf

async def main(kept, lost):
    settings = load_settings()
    async with shelf.lifespan(settings) as at_shelf, loans.lifespan(settings) as at_loans:
        await LoanService(at_loans, SERVICE_CALLER).create(LoanDraft(book=UUID(kept)))
        await consumer.handle(Envelope.model_validate(lost), at_loans)
        losses = await LossService(at_loans, SERVICE_CALLER).page(None, 10)
        failed = await JobRunner(jobs, at_shelf, timeout_s=9, max_tries=1).drain()
    print(json.dumps([[it.name for it in losses.items], failed]))

asyncio.run(main(*json.loads(sys.argv[1])))
"""


def test_what_was_written_before_is_read_with_the_names_of_now(generate: Generate, reanswer: Reanswer) -> None:
    project = generate(LIBRARY)
    shutil.copy(project / ".env.example", project / ".env")
    env = environment()
    run(project, "migrate", env=env)
    waiting = run(project, "python", "-c", FILL, env=env).splitlines()[-1]
    reanswer(project, **RENAMED)
    run(project, "migrate", env=env)
    assert json.loads(run(project, "python", "-c", WORK, waiting, env=env).splitlines()[-1]) == [["Lost"], 0]
    check_whole(project, env=env)
