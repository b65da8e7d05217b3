"""Routes of a service's own are served next to the others: some for authenticated callers, some for anyone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated
from uuid import UUID

import httpx2
import pytest
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from services.common.api.app import create_app
from services.common.api.dependencies import CallerDep, RecordsDep, RuntimeDep, SettingsDep
from services.common.api.idempotency import IdempotencyKey
from services.common.api.security import only
from services.common.auth import identification, service_identity
from services.common.auth.callers import SERVICE_CALLER, Caller
from services.common.utils import new_id
from tests.fixtures.adaptations import OUTSIDER
from tests.fixtures.application import definition, lifespan
from tests.fixtures.facts import DATABASES, SERVICES
from tests.fixtures.system import System

EDITOR = "editor"
router, public = APIRouter(prefix="/own"), APIRouter(prefix="/open")


@router.get("/caller")
async def get_own_caller(caller: CallerDep, records: RecordsDep) -> list[str]:
    """Tell who calls, as the route and as its changes of records see it."""
    return [caller.name, records.caller.name]


@router.get("/service/{word}")
async def get_own_service(word: str, records: RecordsDep) -> list[str]:
    """Tell which service answers."""
    return [records.runtime.service, word]


@public.get("/level")
async def get_level(records: RecordsDep, settings: SettingsDep) -> list[str]:
    """Tell what everybody may know."""
    return [records.caller.name, settings.log_level]


@public.get("/own-name")
async def get_own_name(records: RecordsDep, caller: CallerDep) -> list[str]:
    """Tell who calls, though the route is public."""
    return [records.caller.name, caller.name]


@router.get("/editors", dependencies=[only(EDITOR)])
async def get_editors() -> str:
    """Tell what is for one role."""
    return "for editors"


@router.get("/unlisted", dependencies=[only(EDITOR)], include_in_schema=False)
async def get_unlisted() -> str:
    """Tell what no description tells of."""
    return "for editors"


class Notice(BaseModel):
    """What somebody else sends, with parameters that only its sender knows."""

    model_config = ConfigDict(extra="allow")

    about: str


@public.get("/notice")
async def get_notice(notice: Annotated[Notice, Query()]) -> dict[str, str]:
    """Tell what was sent."""
    sent: dict[str, str] = notice.model_dump()
    return sent


async def sent_notice(notice: Annotated[Notice, Query()]) -> Notice:
    """What was sent, for routes that depend on it."""
    return notice


@public.get("/dependent-notice")
async def get_dependent_notice(notice: Annotated[Notice, Depends(sent_notice)]) -> dict[str, str]:
    """Tell what was sent."""
    return await get_notice(notice)


class Ticket(BaseModel):
    """What everybody may draw."""

    number: UUID


@public.post("/tickets")
async def draw_ticket(runtime: RuntimeDep, key: IdempotencyKey) -> Ticket:
    """Give the next ticket, or the one that a repeated request was given."""
    ticket = Ticket(number=new_id())
    async with runtime.database.write() as connection:
        await key.keep(connection, ticket)
    return ticket


@asynccontextmanager
async def served(
    system: System, *routers: APIRouter, name: str = SERVICES[0]
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without credentials of a service that has these routes and no others."""
    settings = system.apps[name].state.settings
    service = replace(definition(name), internal=False, resources=(), components=())
    app = create_app(service, *routers, public=[public], settings=settings)
    async with lifespan(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def test_a_route_knows_its_caller_and_its_service(system: System) -> None:
    name, proof = SERVICES[0], system.proof_for(SERVICES[0])
    sender = await service_identity.identify(proof, name, system.runtime(name).settings)
    async with served(system, router) as client:
        names = (await client.get("/own/caller", headers=proof)).json()
        assert sender and names == [sender.name, sender.name]
        caller = system.headers_of(OUTSIDER, name)
        answer = await client.get("/own/service/word", headers=caller)
        assert answer.json() == [name, "word"]


async def test_only_public_routes_are_for_everybody(system: System) -> None:
    async with served(system, router) as client:
        answer = await client.get("/open/level")
        assert (answer.status_code, answer.json()[0]) == (200, "anonymous")
        described = (await client.get("/openapi.json")).json()["paths"]
    assert "/own/unlisted" not in described
    assert "security" not in described["/open/level"]["get"]
    assert described["/open/level"]["get"]["responses"].keys() == {"200", "422", "503"}
    assert described["/own/caller"]["get"]["security"]


async def test_a_public_route_that_takes_the_caller_asks_for_proof_first(system: System) -> None:
    name, proof = SERVICES[0], system.proof_for(SERVICES[0])
    sender = await service_identity.identify(proof, name, system.runtime(name).settings)
    async with served(system, router) as client:
        unproven = await client.get("/open/own-name")
        names = (await client.get("/open/own-name", headers=proof)).json()
    assert sender and names == [sender.name, sender.name]
    # Where nobody proves anything, nothing can be missing.
    assert unproven.status_code == 401 or unproven.json() == ["anonymous", "anonymous"]


@pytest.mark.parametrize("service", DATABASES[:1])
async def test_callers_of_a_public_route_are_not_given_what_others_with_their_key_were(
    system: System, service: str
) -> None:
    outsiders = (Caller(name, is_service=False) for name in ("ada", "bob"))
    callers = [{}, {"Authorization": "Signature of=ada"}, system.proof_for(service)]
    callers += [system.headers_of(it, service) for it in outsiders]
    apart = [it for at, it in enumerate(callers) if it not in callers[:at]]
    async with served(system, router, name=service) as client:

        async def draw(headers: dict[str, str]) -> str:
            sent = {"Idempotency-Key": "same"} | headers
            return (await client.post("/open/tickets", headers=sent)).text

        drawn = [await draw(it) for it in apart]
        assert [await draw(it) for it in apart] == drawn
    assert len({*drawn}) == len(apart)


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        (Caller("zoe", is_service=False, roles=frozenset({EDITOR, "reader"})), 200),
        (Caller("zoe", is_service=False, roles=frozenset({"reader"})), 403),
        (SERVICE_CALLER, 200),
    ],
)
async def test_a_route_may_be_for_one_role(
    system: System, caller: Caller, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def identify(*_: object) -> Caller:
        return caller

    monkeypatch.setattr(identification, "identify", identify)
    async with served(system, router) as client:
        answer = await client.get("/own/editors")
    assert answer.status_code == status
    assert status == 200 or answer.json()["detail"] == "Only for editor."


@pytest.mark.parametrize(
    ("path", "name"),
    [("/own/service/word", "read"), ("/open/level", "read"), ("/own/service/word", "word")],
)
async def test_undeclared_query_parameters_are_refused(
    system: System, path: str, name: str
) -> None:
    """Those too that have the name of a parameter which is sent elsewhere."""
    async with served(system, router) as client:
        caller = system.headers_of(OUTSIDER, SERVICES[0])
        answer = await client.get(path, params={name: "1"}, headers=caller)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": f"query.{name}", "message": "There is no such parameter"}
    ]


async def test_an_unsupported_method_of_an_own_path_gets_405_with_the_supported_ones(
    system: System,
) -> None:
    several = APIRouter(prefix="/own")
    several.add_api_route("/several", get_editors, methods=["GET", "PUT"], name="get_several")
    several.add_api_route("/several", get_editors, methods=["DELETE"], name="delete_several")
    async with served(system, several) as client:
        for path, allowed in (("/own/several", "DELETE, GET, PUT"), ("/open/level", "GET")):
            answer = await client.post(path)
            assert answer.status_code == 405
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/open/notice", "/open/dependent-notice"])
async def test_a_route_may_take_parameters_that_nobody_declares(system: System, path: str) -> None:
    sent = {"about": "it", "utm_source": "mail"}
    async with served(system) as client:
        assert (await client.get(path, params=sent)).json() == sent


async def test_routes_that_clash_are_named_before_the_service_starts(system: System) -> None:
    same_path, same_name = APIRouter(), APIRouter()
    same_path.add_api_route("/own/service/{other}", get_level, name="get_other")
    same_name.add_api_route("/elsewhere", get_level)
    with pytest.raises(
        ValueError,
        match=r"GET /own/service/{other} \(get_other\) clashes with GET /own/service/{word} "
        r"\(get_own_service\)\. Fix: give one of the two another path",
    ):
        async with served(system, router, same_path):
            pytest.fail("It started.")
    with pytest.raises(ValueError, match=r"GET /elsewhere \(get_level\) clashes .* another name"):
        async with served(system, same_name):
            pytest.fail("It started.")
