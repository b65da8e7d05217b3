"""Further routes of ledger: transfers, and the entries of an account."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from services.common.api.dependencies import RecordsDep
from services.common.api.problems import problem_responses
from services.common.api.security import only
from services.common.api.versioning import PREFIX
from services.common.auth.roles import Role
from services.common.errors import RuleViolation
from services.common.models import Id, Model, Money
from services.ledger import models, queries

router = APIRouter(prefix=PREFIX)
public = APIRouter(prefix=PREFIX)


class Transfer(Model):
    """Money that moves from one account to another."""

    source: Id
    target: Id
    amount: Money


@router.post(
    "/transfers",
    status_code=204,
    responses=problem_responses(403, 404, 409),
    dependencies=[only(Role.TELLER)],
)
async def make_transfer(transfer: Transfer, records: RecordsDep) -> None:
    """Move money between two accounts. FR-001"""
    if transfer.amount <= 0:
        raise RuleViolation("Some money has to move.")
    async with records.begin() as transaction:
        await transaction.lock(models.Account, transfer.source, transfer.target)
        for account, amount in (
            (transfer.source, -transfer.amount),
            (transfer.target, transfer.amount),
        ):
            draft = models.EntryDraft(account=account, amount=amount, reason="transfer")
            await transaction.create(models.Entry, draft)


@router.get("/accounts/{id}/entries", responses=problem_responses(404))
async def list_account_entries(id: UUID, records: RecordsDep) -> list[models.Entry]:
    """List the entries of an account, newest first."""
    await records.get(models.Account, id)
    return await records.many(models.Entry, account=id, order_by="-id")


@router.get("/total")
async def get_total(records: RecordsDep) -> Money:
    """The money on all accounts together."""
    async with records.reading() as connection:
        return await queries.total(connection)
