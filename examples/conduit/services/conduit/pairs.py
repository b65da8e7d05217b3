"""Follows and favorites: each is there once or not at all, however often and at once it is asked for."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from services.common.errors import Duplicate, NotFound
from services.common.models import Model, Record
from services.common.transaction import Transaction


async def add(model: type[Record], draft: Model, transaction: Transaction) -> None:
    """Store a pair, unless it is there."""
    with suppress(Duplicate):
        async with transaction.savepoint():
            await transaction.create(model, draft)


async def remove(model: type[Record], transaction: Transaction, **ids: Any) -> None:
    """Delete a pair, if it is there."""
    for pair in await transaction.many(model, **ids):
        with suppress(NotFound):  # somebody else has just deleted it
            async with transaction.savepoint():
                await transaction.delete(pair)
