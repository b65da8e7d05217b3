"""A trip costs what was quoted, and long ones are booked by planners alone."""

from __future__ import annotations

from services.common.auth.callers import Caller
from services.common.auth.roles import Role
from tests.fixtures.system import System

TRIP = {"start": "Bern", "end": "Basel", "km": 100}


async def test_a_trip_is_booked_at_the_price_that_everybody_is_quoted(system: System) -> None:
    async with system.client("quoting", {}) as quoting, system.client("trips") as trips:
        quote = (await quoting.get("/v1/quote", params={"km": 100})).json()
        trip = (await trips.post("/v1/trips", json=TRIP)).json()
    assert quote["price"] == trip["price"] == "20.00"


async def test_only_planners_book_long_trips(system: System) -> None:
    long = TRIP | {"km": 1_001}
    async with system.client("trips") as planner:
        assert (await planner.post("/v1/trips", json=long)).status_code == 201
    zoe = Caller("zoe", is_service=False, roles=frozenset({Role.TRAVELLER}))
    async with system.client("trips", caller=zoe) as traveller:
        answer = await traveller.post("/v1/trips", json=long)
        assert (await traveller.post("/v1/trips", json=TRIP)).status_code == 201
    assert (answer.status_code, answer.json()["title"]) == (403, "Forbidden")


async def test_no_trip_is_booked_while_nobody_quotes(system: System) -> None:
    async with system.client("trips") as trips:
        with system.unplugged("quoting"):
            answer = await trips.post("/v1/trips", json=TRIP)
    assert answer.status_code == 503
