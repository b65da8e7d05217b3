"""A call on behalf of a user has the user's rights, and its answer is for nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args
from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr

from services.common.auth.callers import ANONYMOUS, SERVICE_CALLER, Caller
from services.common.auth.policy import CLOSED, OWNER, Action, Policy
from services.common.auth.roles import Role
from services.common.clients.client import Client, ViewT
from services.common.clients.errors import CallRejected
from services.common.clients.resource import ServiceAuth
from services.common.errors import Forbidden, ServiceUnavailable
from services.common.models import View
from tests.fixtures.credentials import ISSUER
from tests.fixtures.system import NO_SUCH_ID, settings_for
from tests.fixtures.token_endpoint import CLIENTS

ID = UUID(NO_SUCH_ID)
ADA = Caller("ada", is_service=False, token=SecretStr(ISSUER.token()))


def client(*statuses: int) -> tuple[Client, list[httpx2.Request]]:
    """A client of a service that answers so, and what it is sent."""
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(statuses[len(sent) - 1])

    transport = httpx2.MockTransport(answer)
    auth = ServiceAuth(CLIENTS[0], CLIENTS[-1], settings_for({}))
    http = httpx2.AsyncClient(transport=transport, base_url="http://it", auth=auth)
    return Client("it", http, timeout_s=5.0), sent


async def test_each_request_says_for_whom_it_is() -> None:
    known, sent = client(200, 200, 200)
    await known.on_behalf_of(ADA).request("GET", "/")
    await known.request("GET", "/")
    await known.on_behalf_of(ADA).request("POST", "/", extensions={"trace": 1})
    asked = [request.headers["X-Service-Token"] for request in sent]
    assert asked[0] == asked[2] != asked[1]
    assert ADA.token.get_secret_value() not in str([request.headers for request in sent])
    assert "Authorization" not in sent[0].headers


async def test_what_a_user_may_not_is_no_passing_refusal() -> None:
    known, sent = client(403, 404)
    with pytest.raises(Forbidden, match=r"^it does not let ada do this\.$"):
        await known.on_behalf_of(ADA).request("GET", "/")
    with pytest.raises(CallRejected):
        await known.on_behalf_of(ADA).request("GET", "/")
    assert len(sent) == 2


@pytest.mark.parametrize("caller", [SERVICE_CALLER, ANONYMOUS])
async def test_what_a_service_may_not_it_may_do_later(caller: Caller) -> None:
    known, _ = client(403, 403, 403)
    with pytest.raises(ServiceUnavailable):
        await known.on_behalf_of(caller).request("POST", "/")


async def test_a_response_is_cached_for_the_user_who_asked() -> None:
    known, _ = client()
    asked: list[str] = []

    async def remember(path: str, view: type[ViewT], fetch: object) -> ViewT | None:
        asked.append(path)
        return None

    known.cache = remember
    # Users may be named as the callers are for whom the service asks itself.
    named = [replace(ADA, name=it.name) for it in (ADA, SERVICE_CALLER, ANONYMOUS)]
    for caller in (SERVICE_CALLER, ANONYMOUS, *named, ADA):
        await known.on_behalf_of(caller).find("things", ID, View)
    assert (len({*asked}), asked[0], asked[2]) == (4, asked[1], asked[5])


@pytest.mark.parametrize("action", get_args(Action))
def test_the_rights_of_the_user_count_and_not_those_of_the_service(action: Any) -> None:
    asked_for = Caller("ada", is_service=False, sender="orders")
    of_owner: dict[str, Any] = {action: frozenset({OWNER})}
    own = Policy("letters", owner="sender", **of_owner)
    own.require(action, asked_for)
    assert not own.allows_all(action, asked_for)
    for role in Role:
        of_role: dict[str, Any] = {action: frozenset({role})}
        policy = Policy("letters", **of_role)
        with pytest.raises(Forbidden):
            policy.require(action, asked_for)
        policy.require(action, Caller("ada", False, frozenset({role.value}), sender="orders"))


def test_what_is_open_to_no_user_is_open_to_services() -> None:
    CLOSED.require("create", Caller("ada", is_service=False, sender="orders"))
    with pytest.raises(Forbidden):
        CLOSED.require("create", Caller("ada", is_service=False))
