"""The rules of account: only entries change what it holds, and it never holds less than nothing."""

from __future__ import annotations

from services.common.errors import Forbidden, RuleViolation
from services.common.transaction import Transaction
from services.ledger import models
from services.ledger.hooks import AccountHooks


class AccountRules(AccountHooks):
    """The business rules of account."""

    async def before_create(
        self, draft: models.AccountDraft, related: models.AccountRelated
    ) -> models.AccountDraft:
        if draft.balance:
            raise Forbidden("An account begins with nothing.")
        return draft

    async def before_update(
        self,
        current: models.Account,
        draft: models.AccountDraft,
        related: models.AccountRelated,
    ) -> models.AccountDraft:
        return draft.model_copy(update={"balance": current.balance})

    async def before_delete(self, current: models.Account) -> None:
        if current.balance:
            raise RuleViolation("There is still money on it.")

    async def after_update(
        self, before: models.Account, after: models.Account, transaction: Transaction
    ) -> None:
        if after.balance < 0:
            raise RuleViolation(f"The account of {after.owner} has not enough money.")
