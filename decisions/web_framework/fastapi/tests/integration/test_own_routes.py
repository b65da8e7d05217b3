"""Routes of a service's own are served next to the others: some for callers who prove who they are, some for everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated

import httpx2
import pytest
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from services.common.api.app import create_app
from services.common.api.dependencies import CallerDep, RecordsDep, SettingsDep
from tests.fixtures import edge
from tests.fixtures.adaptations import OUTSIDER
from tests.fixtures.application import definition, lifespan
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import AS_SERVICE, System

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


@asynccontextmanager
async def served(system: System, *routers: APIRouter) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without credentials of a service that has these routes and no others."""
    name = SERVICES[0]
    settings = system.apps[name].state.settings
    service = replace(definition(name), internal=False, resources=(), components=())
    app = create_app(service, *routers, public=public, settings=settings)
    async with lifespan(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def test_a_route_knows_its_caller_and_its_service(system: System) -> None:
    caller = edge.headers(OUTSIDER, AS_SERVICE)
    async with served(system, router) as client:
        names = (await client.get("/own/caller", headers=caller)).json()
        assert names[0] == names[1] != "anonymous"
        answer = await client.get("/own/service/word", headers=caller)
        assert answer.json() == [SERVICES[0], "word"]


async def test_only_public_routes_are_for_everybody(system: System) -> None:
    async with served(system, router) as client:
        answer = await client.get("/open/level")
        assert (answer.status_code, answer.json()[0]) == (200, "anonymous")
        described = (await client.get("/openapi.json")).json()["paths"]
    assert "security" not in described["/open/level"]["get"]
    assert described["/open/level"]["get"]["responses"].keys() == {"200", "422", "503"}
    assert described["/own/caller"]["get"]["security"]


@pytest.mark.parametrize("path", ["/own/service/word", "/open/level"])
async def test_a_parameter_that_a_route_does_not_have_is_refused(system: System, path: str) -> None:
    async with served(system, router) as client:
        caller = edge.headers(OUTSIDER, AS_SERVICE)
        answer = await client.get(path, params={"read": "1"}, headers=caller)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "query.read", "message": "There is no such parameter"}
    ]


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
