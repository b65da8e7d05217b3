"""The rules of remittance: the bank has to take it."""

from __future__ import annotations

from services.common.clients.errors import CallRejected
from services.common.errors import RuleViolation
from services.treasury import models
from services.treasury.hooks import RemittanceHooks


class RemittanceRules(RemittanceHooks):
    """The business rules of remittance."""

    async def before_create(
        self, draft: models.RemittanceDraft, related: models.RemittanceRelated
    ) -> models.RemittanceDraft:
        try:
            await self.apis.bank.request(
                "POST",
                "/remittances",
                json={"iban": draft.iban, "amount": str(draft.amount)},
                headers={"Idempotency-Key": str(draft.payout)},
            )
        except CallRejected as error:
            raise RuleViolation(f"The bank refuses it: {error}") from error
        return draft
