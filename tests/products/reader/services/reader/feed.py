"""The rules of feed: no address is kept twice."""

from __future__ import annotations

from services.common.errors import RuleViolation
from services.common.transaction import Transaction
from services.reader import models
from services.reader.hooks import FeedHooks


class FeedRules(FeedHooks):
    """The business rules of feed."""

    async def before_create(
        self, draft: models.FeedDraft, related: models.FeedRelated
    ) -> models.FeedDraft:
        return draft.model_copy(update={"address": draft.address.strip().lower()})

    async def after_create(self, record: models.Feed, transaction: Transaction) -> None:
        if len(await transaction.many(models.Feed, address=record.address, limit=2)) > 1:
            raise RuleViolation(f"The feed {record.address} is there already.")
