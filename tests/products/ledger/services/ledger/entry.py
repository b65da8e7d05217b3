"""The rules of entry: each one changes what its account holds, and stays as it is."""

from __future__ import annotations

from services.common.errors import RuleViolation
from services.common.transaction import Transaction
from services.ledger import models
from services.ledger.hooks import EntryHooks


class EntryRules(EntryHooks):
    """The business rules of entry."""

    async def before_update(
        self, current: models.Entry, draft: models.EntryDraft, related: models.EntryRelated
    ) -> models.EntryDraft:
        if draft.amount != current.amount or draft.account != current.account:
            raise RuleViolation("What was booked stays booked.")
        return draft

    async def after_create(self, record: models.Entry, transaction: Transaction) -> None:
        (account,) = await transaction.lock(models.Account, record.account)
        await transaction.update(account, balance=account.balance + record.amount)

    async def after_delete(self, record: models.Entry, transaction: Transaction) -> None:
        (account,) = await transaction.lock(models.Account, record.account)
        await transaction.update(account, balance=account.balance - record.amount)
