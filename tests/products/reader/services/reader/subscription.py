"""The rules of subscription: everybody follows feeds for themselves."""

from __future__ import annotations

from services.common.errors import Forbidden
from services.reader import models
from services.reader.hooks import SubscriptionHooks


class SubscriptionRules(SubscriptionHooks):
    """The business rules of subscription."""

    async def before_create(
        self, draft: models.SubscriptionDraft, related: models.SubscriptionRelated
    ) -> models.SubscriptionDraft:
        if draft.follower != self.caller.name:
            raise Forbidden("Nobody follows a feed for somebody else.")
        return draft
