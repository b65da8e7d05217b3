"""Further routes of reader: what is new for the caller."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.common.api.dependencies import CallerDep, RecordsDep
from services.common.api.problems import problem_responses
from services.common.api.versioning import PREFIX
from services.reader import models, queries

router = APIRouter(prefix=PREFIX)
public = APIRouter(prefix=PREFIX)


@router.get("/items/unread")
async def list_unread_items(
    caller: CallerDep, records: RecordsDep, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> list[models.Item]:
    """List what the caller has not read of the feeds that it follows, newest first."""
    async with records.begin() as transaction:
        ids = await queries.unread(transaction.connection, caller.name, limit)
        return [await transaction.get(models.Item, id) for id in ids]


@router.put("/items/{id}/read", status_code=204, responses=problem_responses(404))
async def mark_item_read(id: UUID, caller: CallerDep, records: RecordsDep) -> None:
    """Report that the caller has read an item; a second time changes nothing."""
    async with records.begin() as transaction:
        await transaction.lock(models.Item, id)
        if await transaction.first(models.Reading, item=id, follower=caller.name) is None:
            draft = models.ReadingDraft(item=id, follower=caller.name)
            await transaction.create(models.Reading, draft)


@public.get("/feeds/newest")
async def list_newest_feeds(records: RecordsDep) -> list[str]:
    """List the titles of the newest feeds, for everybody."""
    return [it.title for it in await records.many(models.Feed, order_by="-created_at", limit=5)]
