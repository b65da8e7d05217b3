"""Queries of reader that `records.many` cannot express."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from services.common.db.database import Connection
from services.reader import tables


async def unread(connection: Connection, follower: str, limit: int) -> Sequence[UUID]:
    """The ids of the items of followed feeds that were not read, newest first."""
    items, readings = tables.items.c, tables.readings.c
    subscriptions = tables.subscriptions.c
    followed = sa.select(subscriptions.feed).where(subscriptions.follower == follower)
    read = sa.select(readings.item).where(readings.follower == follower)
    query = sa.select(items.id).where(items.feed.in_(followed), items.id.not_in(read))
    newest = query.order_by(items.published.desc(), items.id).limit(limit)
    return (await connection.scalars(newest)).all()
