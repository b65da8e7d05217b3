"""How the tests meet the rules of the ledger."""

from __future__ import annotations

import json

import httpx2

from services.common.auth.callers import Caller
from tests.fixtures.facts import Draft
from tests.fixtures.system import System

REFUSED: dict[str, str] = {}


def caller(service: str, entity: str | None) -> Caller:
    """Who calls a service in tests."""
    return Caller("tests", is_service=False)


async def reservation(draft: Draft, system: System) -> Draft:
    """Its account has the money that is reserved."""
    return draft | {"account": await _account_with(draft["amount"], system)}


async def payout(draft: Draft, system: System) -> Draft:
    """Its account has the money that is paid out."""
    return draft | {"account": await _account_with(draft["amount"], system)}


def bank(request: httpx2.Request) -> httpx2.Response:
    """The bank takes everything that does not go to a wrong account."""
    return httpx2.Response(422 if json.loads(request.content)["iban"] == "wrong" else 200, json={})


async def _account_with(amount: str, system: System) -> str:
    account: str = (await system.create("Account"))["id"]
    await system.create("Entry", account=account, amount=amount)
    return account
