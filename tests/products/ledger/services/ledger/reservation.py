"""The rules of reservation: its money leaves the account with it, and comes back if it is undone."""

from __future__ import annotations

from services.common.transaction import Transaction
from services.ledger import models
from services.ledger.hooks import ReservationHooks


class ReservationRules(ReservationHooks):
    """The business rules of reservation."""

    async def after_create(self, record: models.Reservation, transaction: Transaction) -> None:
        await transaction.create(
            models.Entry,
            models.EntryDraft(account=record.account, amount=-record.amount, reason="reserved"),
        )

    async def after_delete(self, record: models.Reservation, transaction: Transaction) -> None:
        await transaction.create(
            models.Entry,
            models.EntryDraft(account=record.account, amount=record.amount, reason="released"),
        )
