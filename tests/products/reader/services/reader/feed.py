"""The rules of feed: an address is kept in one spelling, so that none is kept twice."""

from __future__ import annotations

from services.reader import models
from services.reader.hooks import FeedHooks


class FeedRules(FeedHooks):
    """The business rules of feed."""

    async def before_create(
        self, draft: models.FeedDraft, related: models.FeedRelated
    ) -> models.FeedDraft:
        return draft.model_copy(update={"address": draft.address.strip().lower()})
