"""The rules of trip: it costs what is quoted, and only planners book long ones."""

from __future__ import annotations

from services.common.auth.roles import Role
from services.common.errors import Forbidden
from services.common.models import amount
from services.trips import models
from services.trips.hooks import TripHooks


class TripRules(TripHooks):
    """The business rules of trip."""

    async def before_create(
        self, draft: models.TripDraft, related: models.TripRelated
    ) -> models.TripDraft:
        if draft.km > self.settings.longest_trip_km and Role.PLANNER not in self.caller.roles:
            raise Forbidden("Only planners book trips of this length.")
        answer = await self.clients.quoting.request("GET", "/v1/quote", params={"km": draft.km})
        return draft.model_copy(update={"price": amount(answer.json()["price"])})
