"""No money is lost and none is spent twice, however many want it at once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from tests.fixtures.system import System


async def account_with(ledger: httpx2.AsyncClient, amount: str) -> str:
    """A new account with some money on it."""
    account = (await ledger.post("/v1/accounts", json={"owner": "somebody"})).json()["id"]
    entry = {"account": account, "amount": amount, "reason": "deposit"}
    assert (await ledger.post("/v1/entries", json=entry)).status_code == 201
    return str(account)


async def balance(ledger: httpx2.AsyncClient, account: str) -> str:
    """What is on an account."""
    return str((await ledger.get(f"/v1/accounts/{account}")).json()["balance"])


async def test_fifty_transfers_at_once_move_each_amount_once(system: System) -> None:
    async with system.client("ledger") as ledger:
        one, other = await account_with(ledger, "30.00"), await account_with(ledger, "30.00")
        before = (await ledger.get("/v1/total")).json()

        async def transfer(number: int) -> int:
            source, target = (one, other) if number % 2 else (other, one)
            moved = {"source": source, "target": target, "amount": "10.00"}
            return (await ledger.post("/v1/transfers", json=moved)).status_code

        answers = await asyncio.gather(*map(transfer, range(50)))
        assert set(answers) <= {204, 409}
        assert 204 in answers
        held = [float(await balance(ledger, it)) for it in (one, other)]
        assert min(held) >= 0
        assert sum(held) == 60
        assert (await ledger.get("/v1/total")).json() == before
        entries = (await ledger.get(f"/v1/accounts/{one}/entries")).json()
        assert sum(float(it["amount"]) for it in entries) == held[0]


async def test_an_overdraft_changes_nothing(system: System) -> None:
    async with system.client("ledger") as ledger:
        one, other = await account_with(ledger, "5.00"), await account_with(ledger, "0.00")
        moved = {"source": one, "target": other, "amount": "5.01"}
        answer = await ledger.post("/v1/transfers", json=moved)
        assert answer.status_code == 409
        assert answer.json()["detail"] == "The account of somebody has not enough money."
        assert [await balance(ledger, it) for it in (one, other)] == ["5.00", "0.00"]


async def test_of_two_payouts_at_once_that_exceed_the_account_one_is_paid(system: System) -> None:
    async with system.client("ledger") as ledger, system.client("payouts") as payouts:
        account = await account_with(ledger, "100.00")
        draft: dict[str, Any] = {"account": account, "amount": "80.00", "iban": "DE02"}
        made = await asyncio.gather(*(payouts.post("/v1/payouts", json=draft) for _ in range(2)))
        await system.deliver()
        states = [
            (await payouts.get(f"/v1/payouts/{it.json()['id']}")).json()["state"] for it in made
        ]
        assert sorted(states) == ["paid", "refused"]
        assert await balance(ledger, account) == "20.00"


async def test_money_comes_back_if_the_bank_refuses(system: System) -> None:
    async with system.client("ledger") as ledger, system.client("payouts") as payouts:
        account = await account_with(ledger, "100.00")
        draft = {"account": account, "amount": "80.00", "iban": "wrong"}
        made = (await payouts.post("/v1/payouts", json=draft)).json()["id"]
        await system.deliver()
        assert (await payouts.get(f"/v1/payouts/{made}")).json()["state"] == "refused"
        assert await balance(ledger, account) == "100.00"
