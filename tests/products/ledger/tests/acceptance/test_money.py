"""No money is lost and none is spent twice, however many want it at once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from services.common.auth.callers import Caller
from services.common.auth.roles import Role
from tests.fixtures.facts import OPERATIONS
from tests.fixtures.system import NO_SUCH_ID, System

AUDITOR = Caller("ada", is_service=False, roles=frozenset({Role.AUDITOR}))


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


async def history(system: System, service: str, path: str) -> list[dict[str, Any]]:
    """What the auditor reads of a record's history."""
    async with system.client(service, caller=AUDITOR) as client:
        answer = await client.get(f"{path}/history")
    assert answer.status_code == 200
    return list(answer.json()["items"])


async def test_the_auditor_sees_who_changed_an_account_and_the_teller_does_not(
    system: System,
) -> None:
    teller = Caller("tim", is_service=False, roles=frozenset({Role.TELLER}))
    async with system.client("ledger", caller=teller) as ledger:
        path = f"/v1/accounts/{await account_with(ledger, '30.00')}"
        moved = {"source": path.rpartition("/")[2], "target": NO_SUCH_ID, "amount": "5.00"}
        assert (await ledger.post("/v1/transfers", json=moved)).status_code == 404
        assert (await ledger.get(f"{path}/history")).status_code == 403
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert (await ledger.request(method, f"{path}/history")).status_code == 405
    told = await history(system, "ledger", path)
    assert [(it["caller"], it["before"].get("balance"), it["after"]["balance"]) for it in told] == [
        ("tim", None, "0.00"),
        ("tim", "0.00", "30.00"),
    ]


async def test_what_a_workflow_changes_is_on_record_as_its_service(system: System) -> None:
    async with system.client("ledger") as ledger, system.client("payouts") as payouts:
        account = await account_with(ledger, "100.00")
        draft = {"account": account, "amount": "80.00", "iban": "DE02"}
        path = f"/v1/payouts/{(await payouts.post('/v1/payouts', json=draft)).json()['id']}"
        await system.deliver()
        payout = (await payouts.get(path)).json()
        async with system.client("treasury", caller=AUDITOR) as treasury:
            (*_, remittance) = (await treasury.get("/v1/remittances")).json()["items"]
    created, paid = await history(system, "payouts", path)
    assert (created["caller"], paid["caller"], paid["after"]) == (
        payout["created_by"],
        "payouts",
        {"state": "paid"},
    )
    assert payout["updated_by"] == "payouts"
    (sent,) = await history(system, "treasury", f"/v1/remittances/{remittance['id']}")
    assert (sent["caller"], sent["is_service"], sent["after"]["amount"]) == (
        "treasury",
        True,
        "80.00",
    )


async def test_an_auditor_reads_everything_and_changes_nothing(system: System) -> None:
    services = {"Account": "ledger", "Entry": "ledger", "Reservation": "ledger"}
    services |= {"Payout": "payouts", "Remittance": "treasury"}
    for operation in OPERATIONS:
        async with system.client(services[operation.entity], caller=AUDITOR) as client:
            path = operation.path.replace("{id}", NO_SUCH_ID)
            answer = await client.request(operation.method, path)
        assert (answer.status_code == 403) == (operation.method != "GET")
    async with system.client("ledger", caller=AUDITOR) as ledger:
        assert (await ledger.get("/v1/total")).status_code == 200
        assert (await ledger.post("/v1/transfers")).status_code == 403
