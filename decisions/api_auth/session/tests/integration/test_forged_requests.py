"""A browser sends its cookie along whichever page asks: changes that a page of somebody else causes are refused."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from services.common.api.versioning import PREFIX
from services.common.auth import edge
from services.common.auth.authentication import (
    CSRF_HEADER,
    SAFE_METHODS,
    Owner,
    Sessions,
    csrf_token,
)
from services.common.auth.callers import Caller
from tests.fixtures.adaptations import OUTSIDER
from tests.fixtures.credentials import of_page, session
from tests.fixtures.facts import ENTITIES, OPERATIONS
from tests.fixtures.system import NO_SUCH_ID, System

CHANGES = [
    (ENTITIES[it.entity].service, it.method, it.path)
    for it in OPERATIONS
    if it.access == "callers" and it.method not in SAFE_METHODS
]
CHANGES += [
    ("identity", method, PREFIX + path)
    for method, path in (
        ("DELETE", "/session"),
        ("DELETE", "/account/logins"),
        ("PUT", "/account/password"),
    )
]
FOR_EVERYBODY = [
    ("identity", method, PREFIX + path)
    for method, path in (
        ("POST", "/accounts"),
        ("POST", "/logins"),
        ("POST", "/password-resets"),
        ("PUT", "/password"),
    )
]
GATEWAY = "tests.integration.test_gateway"
"""What knows how to call through the gateway, if there is one."""
ELSEWHERE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://test"},
]


@asynccontextmanager
async def browser(system: System, service: str) -> AsyncIterator[tuple[httpx2.AsyncClient, str]]:
    """A client of what browsers reach of a service, and what its addresses begin with there."""
    if edge.OPEN_TO_BROWSERS:
        async with system.client(service, {}) as client:
            yield client, ""
        return
    gateway = importlib.import_module(GATEWAY)
    async with gateway.gateway_to(gateway.public_services(system)) as client:
        for name in of_page(""):
            del client.headers[name]
        yield client, f"/{service}"


async def answer(
    system: System, change: tuple[str, str, str], headers: dict[str, str]
) -> tuple[int, str]:
    """The status of the answer to a change that is asked for, and its reason."""
    service, method, path = change
    async with browser(system, service) as (client, prefix):
        url = prefix + path.replace("{id}", NO_SUCH_ID)
        response = await client.request(method, url, headers=headers)
    return response.status_code, response.json()["detail"] if response.content else ""


@pytest.mark.parametrize("change", CHANGES, ids=" ".join)
async def test_a_change_needs_the_token_of_the_session(
    system: System, change: tuple[str, str, str]
) -> None:
    own = session(OUTSIDER)
    cookie = {"Cookie": of_page(own)["Cookie"]}
    another = csrf_token(session(Caller("eve", is_service=False)))
    for sent in ({}, {CSRF_HEADER: ""}, {CSRF_HEADER: another}, {CSRF_HEADER: own}):
        refused = await answer(system, change, cookie | sent)
        assert refused == (403, f"Send the csrf_token of the session as {CSRF_HEADER}.")
    _, reason = await answer(system, change, of_page(own))
    assert CSRF_HEADER not in reason


@pytest.mark.parametrize("change", [*CHANGES, *FOR_EVERYBODY], ids=" ".join)
async def test_no_page_of_another_origin_changes_anything_or_logs_anybody_in(
    system: System, change: tuple[str, str, str]
) -> None:
    for headers in ELSEWHERE:
        for proof in ({}, of_page(session(OUTSIDER))):
            refused = await answer(system, change, proof | headers)
            assert refused == (403, "Pages of another origin may not ask for this.")


@pytest.mark.parametrize("change", FOR_EVERYBODY, ids=" ".join)
async def test_what_is_for_everybody_needs_no_token(
    system: System, change: tuple[str, str, str]
) -> None:
    status, _ = await answer(system, change, {"Cookie": "session=of-yesterday"})
    assert status == 422


async def test_who_reads_needs_no_token_wherever_the_link_was(system: System) -> None:
    cookie = {"Cookie": of_page(session(Caller("nobody", is_service=False)))["Cookie"]}
    async with browser(system, "identity") as (client, prefix):
        for headers in ({}, *ELSEWHERE):
            read = await client.get(f"{prefix}{PREFIX}/account", headers=cookie | headers)
            assert "Access-Control-Allow-Origin" not in read.headers
            assert read.json()["detail"] == "Only for callers with an account."


@pytest.mark.parametrize("tested", [] if edge.OPEN_TO_BROWSERS else [GATEWAY])
async def test_the_gateway_passes_the_session_on_to_the_accounts_alone_and_no_other_cookie(
    tested: str,
) -> None:
    gateway = importlib.import_module(tested)
    received: dict[str, str | None] = {}

    def respond(request: httpx2.Request) -> httpx2.Response:
        received[request.url.path] = request.headers.get("Cookie")
        return httpx2.Response(200, stream=httpx2.ByteStream(b""))

    own = session(OUTSIDER)
    sent = of_page(own) | {"Cookie": f"theme=dark; {of_page(own)['Cookie']}"}
    services = dict.fromkeys(("identity", "other"), httpx2.MockTransport(respond))
    async with gateway.gateway_to(services) as client:
        for name in services:
            await client.get(f"/{name}{PREFIX}/{name}", headers=sent)
    cookie = of_page(own)["Cookie"]
    assert received == {f"{PREFIX}/identity": cookie, f"{PREFIX}/other": None}


@pytest.mark.parametrize("tested", [] if edge.OPEN_TO_BROWSERS else [GATEWAY])
async def test_who_guesses_sessions_is_refused_before_the_accounts_are_asked_about_more(
    tested: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = importlib.import_module(tested)
    asked: list[str] = []
    owner = Sessions.owner

    async def counted(sessions: Sessions, id: str) -> Owner | None:
        asked.append(id)
        return await owner(sessions, id)

    monkeypatch.setattr(Sessions, "owner", counted)
    services = {"identity": httpx2.MockTransport(lambda _: httpx2.Response(404))}
    path = f"/identity{PREFIX}/account"
    own = of_page(session(OUTSIDER))
    async with gateway.gateway_to(services, caller_rate=0.01, caller_burst=2.0) as client:
        used = [await client.get(path, headers=own) for _ in range(2)]
        answers = [await client.get(path, headers=of_page(f"guess-{it}")) for it in range(5)]
    assert [it.status_code for it in used] == [404, 404]
    assert [it.status_code for it in answers] == [404, 404, 429, 429, 429]
    assert "Retry-After" in answers[-1].headers
    assert [it for it in asked if it.startswith("guess")] == ["guess-0", "guess-1"]


async def test_the_description_asks_for_the_token_with_changes_alone(system: System) -> None:
    async with browser(system, "identity") as (client, prefix):
        described = (await client.get("/openapi.json")).json()
    schemes = described["components"]["securitySchemes"]
    assert schemes["csrf"] == {"type": "apiKey", "in": "header", "name": CSRF_HEADER}
    assert schemes["session"] == {"type": "apiKey", "in": "cookie", "name": "__Host-session"}
    change = described["paths"][f"{prefix}{PREFIX}/account/password"]["put"]["security"]
    assert {"session": [], "csrf": []} in change
    read = described["paths"][f"{prefix}{PREFIX}/account"]["get"]["security"]
    assert {"session": []} in read
    assert not [way for way in read if "csrf" in way]
