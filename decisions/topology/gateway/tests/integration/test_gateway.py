"""Callers from outside reach the services through the gateway, and only what is meant for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import structlog
from fastapi import APIRouter

from services.common.api.app import create_app
from services.common.api.dependencies import CallerDep, RecordsDep
from services.common.api.versioning import PREFIX
from services.common.auth import edge, identification, service_identity
from services.common.auth.callers import SERVICE_CALLER, Caller
from services.common.config import Settings
from services.common.errors import Unauthorized
from services.common.gateway import app as gateway_app
from services.common.gateway import readiness
from services.common.gateway.app import create_gateway
from services.common.gateway.forwarding import FORWARDED
from services.common.gateway.main import SERVICES as PUBLIC
from tests.fixtures import adaptations, credentials
from tests.fixtures.adaptations import OUTSIDER, accepted, offering
from tests.fixtures.application import definition, lifespan
from tests.fixtures.facts import ENTITIES, INTERNAL, OPERATIONS, SERVICES
from tests.fixtures.system import NO_SUCH_ID, System, settings_for

PATH = f"/stub{PREFIX}/things"
"""A path of the service `stub`, through the gateway."""
OWN = SERVICES[0]
"""The service whose routes tests replace by their own."""

Services = Mapping[str, httpx2.AsyncBaseTransport | str]
"""How the gateway reaches each service: in the process, or at a URL."""


@asynccontextmanager
async def gateway_to(
    services: Services, address: str = "203.0.113.7", /, **settings: object
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a gateway to these services, with credentials that it accepts."""

    def open_client(name: str, _url: str, **_: object) -> httpx2.AsyncClient:
        target = services[name]
        if isinstance(target, str):
            return httpx2.AsyncClient(base_url=target, trust_env=False)
        return httpx2.AsyncClient(transport=target, base_url="http://service")

    changed = settings_for({}).model_copy(update={"caller_burst": 1000.0, **settings})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway_app, "open_client", open_client)
        patch.setattr(Settings, "url", lambda *_: "http://unused")
        app = create_gateway(tuple(services), changed)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(
                transport=httpx2.ASGITransport(
                    app, raise_app_exceptions=False, client=(address, 1)
                ),
                base_url="http://gateway",
                headers=credentials.accepted(OUTSIDER),
            ) as client,
        ):
            yield client


def public_services(system: System) -> Services:
    """The services behind the gateway of the project."""
    return {name: system.connections[name] for name in PUBLIC}


def stub(respond: Callable[[httpx2.Request], httpx2.Response]) -> Services:
    """One service, which responds like this."""

    def stream(request: httpx2.Request) -> httpx2.Response:
        it = respond(request)
        return httpx2.Response(
            it.status_code, headers=it.headers, stream=httpx2.ByteStream(it.content)
        )

    return {"stub": httpx2.MockTransport(stream)}


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def socket_stub(handle: Handler) -> AsyncIterator[Services]:
    """One service, which does this with each connection."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield {"stub": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}


def is_problem(response: httpx2.Response, status: int) -> bool:
    return bool(
        response.status_code == status
        and response.headers["Content-Type"] == "application/problem+json"
        and response.json()["status"] == status
    )


def test_it_forwards_to_all_services_that_are_not_internal() -> None:
    assert sorted(PUBLIC) == sorted(set(SERVICES) - set(INTERNAL))


def test_it_forwards_the_operations_that_callers_may_call() -> None:
    for it in OPERATIONS:
        service = ENTITIES[it.entity].service
        path = it.path.replace("{id}", NO_SUCH_ID)
        assert FORWARDED.fullmatch(f"/{service}{path}".encode())
        assert (service in PUBLIC) == (it.access != "services")


async def test_records_are_created_changed_and_deleted_through_it(system: System) -> None:
    async with gateway_to(public_services(system)) as client:
        changed = offering("create", "list", "read", "replace", "delete")
        for entity in (it for it in changed if it.service in PUBLIC and it.is_open):
            caller = adaptations.caller(entity.service, entity)
            client.headers.update(credentials.accepted(caller))
            draft = await system.draft(entity)
            collection = f"/{entity.service}{entity.path}"
            created = accepted(await client.post(collection, json=draft), entity)
            assert created.status_code == 201
            path = created.headers["Location"]
            assert path == f"{collection}/{created.json()['id']}"

            read = await client.get(path)
            assert read.json() == created.json()
            tag = {"If-Match": read.headers["ETag"]}
            draft = await adaptations.adapted(entity, draft, system, read.json())
            replaced = await client.put(path, json=draft, headers=tag)
            assert accepted(replaced, entity).json()["version"] == 2
            assert is_problem(await client.put(path, json=draft, headers=tag), 412)
            assert (await client.get(collection, params={"limit": 1})).status_code == 200
            tag = {"If-Match": '"2"'}
            deleted = await client.delete(path, headers=tag)
            assert accepted(deleted, entity).status_code == 204
            deleted = await client.get(path)
            assert is_problem(deleted, 404)
            assert deleted.json()["instance"] == path


async def test_services_refuse_callers_who_bypass_it(system: System) -> None:
    headers = {**credentials.accepted(OUTSIDER), **edge.headers_naming(SERVICE_CALLER)}
    for operation in (it for it in OPERATIONS if it.kind == "list" and it.access != "anyone"):
        async with system.client(ENTITIES[operation.entity], headers) as client:
            assert is_problem(await client.get(operation.path), 401)


async def test_a_caller_from_outside_cannot_pass_for_a_service(system: System) -> None:
    for name in SERVICES:
        headers = {**proof_of_gateway(name), **edge.headers_naming(SERVICE_CALLER)}
        async with system.client(name, headers) as client:
            response = await client.post("/internal/events", json={})
            assert response.status_code in (401, 404)


async def test_the_gateway_does_not_speak_for_itself() -> None:
    headers = httpx2.Headers(proof_of_gateway("stub"))
    with structlog.contextvars.bound_contextvars(caller=None):
        try:
            caller = await identification.identify(headers, "stub", settings_for({}))
        except Unauthorized as error:
            assert str(error) == "The gateway does not say who calls."
        else:  # by a key that all services have, nobody can tell that it is the gateway
            assert caller.name != edge.GATEWAY


async def test_services_learn_all_that_the_gateway_knows_of_a_caller() -> None:
    asking = Caller("Zoë, 'ops'", False, frozenset({"editor"}), {"org": {"name": "Søn & Co"}})
    headers = httpx2.Headers({**proof_of_gateway("stub"), **edge.headers_naming(asking)})
    with structlog.contextvars.bound_contextvars(caller=None):
        assert await identification.identify(headers, "stub", settings_for({})) == asking


async def test_a_service_refuses_what_names_no_caller() -> None:
    headers = {**proof_of_gateway("stub"), edge.CREDENTIAL.name: "somebody"}
    with pytest.raises(Unauthorized, match="X-Caller names no caller"):
        await identification.identify(headers, "stub", settings_for({}))


def unproven() -> list[dict[str, str]]:
    """Headers of requests that do not prove who sends them, whatever they claim."""
    claimed = edge.headers_naming(SERVICE_CALLER)
    stolen = proof_of_gateway(OWN)
    return [*credentials.refused(), {**stolen, "Host": "other", **claimed}]


def proof_of_gateway(service: str) -> dict[str, str]:
    """The headers by which the gateway proves itself to a service."""
    return service_identity.headers_for(edge.GATEWAY, service, settings_for({}))


async def test_callers_must_authenticate(system: System) -> None:
    async with gateway_to(public_services(system)) as client:
        for name in credentials.accepted(OUTSIDER):
            del client.headers[name]
        for operation in (it for it in OPERATIONS if it.access == "callers"):
            path = f"/{ENTITIES[operation.entity].service}{operation.path}"
            for headers in unproven():
                response = await client.request(
                    operation.method, path.replace("{id}", NO_SUCH_ID), headers=headers
                )
                assert is_problem(response, 401)
                assert response.headers["WWW-Authenticate"] != 'ApiKey realm="gateway"'


router, public = APIRouter(prefix=PREFIX), APIRouter(prefix=PREFIX)
answered: list[str] = []
"""What was asked of the routes for callers who prove who they are."""


@router.get("/own/{word}")
async def get_own_word(word: str, caller: CallerDep) -> str:
    """Tell a word to whoever proves who that is."""
    answered.append(word)
    return f"{word} for {caller.name}"


@router.post("/own/{word}")
async def add_own_word(word: str) -> None:
    """Take a word of whoever proves who that is."""
    answered.append(word)


@public.get("/open/{word}")
async def get_open_word(word: str, records: RecordsDep) -> str:
    """Tell a word to everybody."""
    return f"{word} for {records.caller.name}"


@public.post("/sessions")
async def open_session() -> None:
    """Refuse a password."""
    raise Unauthorized("The password is wrong.", 'Form realm="sessions"')


@asynccontextmanager
async def open_and_own(system: System, **settings: object) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without credentials of a gateway to a service that has the routes above."""
    known = system.apps[OWN].state.settings
    service = replace(definition(OWN), internal=False, resources=(), components=())
    app = create_app(service, router, public=[public], settings=known)
    async with (
        lifespan(app),
        gateway_to({OWN: httpx2.ASGITransport(app)}, **settings) as client,
    ):
        for name in credentials.accepted(OUTSIDER):
            del client.headers[name]
        yield client


async def test_public_routes_are_for_everybody(system: System) -> None:
    async with open_and_own(system) as client:
        for headers in [{}, *unproven(), credentials.accepted(OUTSIDER)]:
            response = await client.get(f"/{OWN}{PREFIX}/open/day", headers=headers)
            assert (response.status_code, response.json()) == (200, "day for anonymous")


async def test_a_public_route_refuses_in_its_own_words(system: System) -> None:
    async with open_and_own(system) as client:
        response = await client.post(f"/{OWN}{PREFIX}/sessions")
        assert is_problem(response, 401)
        assert response.json()["detail"] == "The password is wrong."
        assert response.headers["WWW-Authenticate"] == 'Form realm="sessions"'


@pytest.mark.parametrize(
    "path",
    [
        "own/day",
        "own/day/",
        "OWN/day",
        "Own/day",
        "/own/day",
        "own//day",
        "own/./day",
        "own/day;open",
        "own%2fday",
        "%6fwn/day",
        "own/%64ay",
        "open/../own/day",
        "open/%2e%2e/own/day",
        "open/..%2fown%2fday",
        "open/.%2e/own/day",
        "open/..;/own/day",
        "open/day/../../own/day",
        "open/day%2f..%2f..%2fown%2fday",
        "open%5c..%5cown%5cday",
    ],
)
async def test_no_other_route_is_reached_by_who_proves_nothing(system: System, path: str) -> None:
    answered.clear()
    url = httpx2.URL("http://gateway").copy_with(raw_path=f"/{OWN}{PREFIX}/{path}".encode())
    async with open_and_own(system) as client:
        for method in ("GET", "POST", "HEAD", "OPTIONS"):
            for headers in [{}, *unproven()]:
                response = await client.send(client.build_request(method, url, headers=headers))
                assert response.status_code in (401, 404, 405)
                assert "day for" not in response.text
    assert answered == []


async def test_the_words_of_a_path_reach_a_service_as_they_were_sent(system: System) -> None:
    async with open_and_own(system) as client:
        for word in ("a b", "Zoë", "me@example.org", "a+b,c=d", "why?", "#1", "100\u2030"):
            response = await client.get(f"/{OWN}{PREFIX}/open/{quote(word, safe='@+,=')}")
            assert response.json() == f"{word} for anonymous"


async def test_nobody_is_passed_on_with_a_name_or_with_the_key_of_the_services() -> None:
    requests: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(200)

    async with gateway_to(stub(respond)) as client:
        for name in credentials.accepted(OUTSIDER):
            del client.headers[name]
        for headers in unproven():
            await client.get(PATH, headers=headers)
    assert len(requests) == len(unproven())
    secret = (service_identity.CREDENTIAL.name, edge.CREDENTIAL.name, "Authorization")
    assert not [name for it in requests for name in secret if name in it.headers]


async def test_who_proves_nothing_is_limited_by_address(system: System) -> None:
    path = f"/{OWN}{PREFIX}/open/day"
    async with open_and_own(system, caller_rate=0.01, caller_burst=2.0) as client:
        statuses = [
            (await client.get(path, headers=headers)).status_code
            for headers in ({}, *unproven()[:1], {}, credentials.accepted(OUTSIDER))
        ]
    assert statuses == [200, 200, 429, 200]


async def test_who_asks_for_the_description_is_limited_by_address(system: System) -> None:
    async with open_and_own(system, caller_rate=0.01, caller_burst=2.0) as client:
        statuses = [(await client.get("/openapi.json")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


async def test_public_routes_are_described_as_such(system: System) -> None:
    async with open_and_own(system) as client:
        described = (await client.get("/openapi.json")).json()["paths"]
    assert "security" not in described[f"/{OWN}{PREFIX}/open/{{word}}"]["get"]
    assert described[f"/{OWN}{PREFIX}/own/{{word}}"]["get"]["security"]


@pytest.mark.parametrize(
    "path",
    [
        b"/orders/v1/orders",
        b"/orders/v1/orders/0198f5a0-0000-7000-8000-000000000001",
        b"/a_b/v1/..things",
        b"/orders/v1/a.b~c",
        b"/orders/v1/me@example.org/a+b,c=(d)!",
        b"/orders/v1/a%20b%C3%AB%3f%23",
    ],
)
def test_paths_of_services_are_forwarded(path: bytes) -> None:
    assert FORWARDED.fullmatch(path.replace(b"/v1", PREFIX.encode()))


@pytest.mark.parametrize(
    "path",
    [
        b"/",
        b"/orders",
        b"/orders/",
        b"/orders/v1/",
        b"/orders/v1//orders",
        b"//orders/v1/orders",
        b"/orders/v1/orders/",
        b"/orders/internal/events",
        b"/orders/health/ready",
        b"/orders/docs",
        b"/orders/openapi.json",
        b"/orders/v1/../internal/events",
        b"/orders/v1/./orders",
        b"/orders/v1/orders/..",
        b"/orders/v1/%2e%2e/internal/events",
        b"/orders/v1/..%2finternal%2fevents",
        b"/orders/v1/..%252finternal",
        b"/orders/v1/..\\internal\\events",
        b"/orders%2fv1/orders",
        b"/orders/v1%2f..%2finternal",
        b"/orders/v1/orders;x=1",
        b"/orders/v1/orders\n",
        b"/orders/v1/orders%00",
        b"/orders/v1/orders%0a",
        b"/orders/v1/%64ocs",
        b"/orders/v1/%2Dorders",
        b"/orders/v1/a%3bb",
        b"/orders/v1/a%5Cb",
        b"/orders/v1/a%2",
        b"/orders/v1/a%zz",
        b"/orders/v1/orders?x",
        b"/orders/v1/orders#x",
        b"/orders@evil/v1/orders",
        b"/orders:80/v1/orders",
        b"/Orders/v1/orders",
        b"http://evil.test/orders/v1/orders",
        b"*",
    ],
)
def test_other_paths_are_not_forwarded(path: bytes) -> None:
    assert not FORWARDED.fullmatch(path.replace(b"/v1", PREFIX.encode()))


async def test_the_gateway_itself_answers_other_paths(system: System) -> None:
    hidden = [f"/{name}{PREFIX}/things" for name in INTERNAL]
    internal = [f"/{name}/{it}" for name in SERVICES for it in ("internal/events", "health/ready")]
    async with gateway_to(public_services(system)) as client:
        for path in ("/nowhere/v1/things", "/nowhere", *hidden, *internal):
            assert is_problem(await client.post(path, json={}), 404)


async def test_a_service_receives_the_name_of_the_caller_and_no_credentials() -> None:
    requests: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(200, json={})

    sent = {
        "Authorization": "Basic YTpi",
        "Cookie": "session=1",
        "Connection": "close, X-Mine, Content-Length",
        "Forwarded": "for=10.0.0.1",
        "Keep-Alive": "5",
        "TE": "trailers",
        "Upgrade": "h2c",
        "Proxy-Authorization": "Basic YTpi",
        "X-Caller": "services",
        "X-Forwarded-For": "10.0.0.1",
        "X-Mine": "for the next hop only",
        "X-Real-IP": "10.0.0.1",
        "If-Match": '"1"',
        "X-Request-ID": "mine-1",
    }
    async with gateway_to(stub(respond)) as client:
        response = await client.put(
            f"{PATH}?a=1&b=%2F..%2F&a=2",
            json={"a": 1},
            headers={**sent, **credentials.accepted(OUTSIDER)},
        )
    assert response.status_code == 200
    assert response.headers.get_list("X-Request-ID") == ["mine-1"]
    (request,) = requests
    assert str(request.url) == f"http://service{PREFIX}/things?a=1&b=%2F..%2F&a=2"
    assert await service_identity.identify(request.headers, "stub", settings_for({}))
    assert len(request.headers.get_list(service_identity.CREDENTIAL.name)) == 1
    proofs = credentials.accepted(OUTSIDER)
    assert not [name for name in proofs if proofs[name] in request.headers.get_list(name)]
    (named,) = request.headers.get_list(edge.CREDENTIAL.name)
    assert "services" not in named
    assert (request.headers["If-Match"], request.headers["X-Request-ID"]) == ('"1"', "mine-1")
    assert request.headers.get_list("X-Forwarded-For") == ["203.0.113.7"]
    replaced = {"X-Caller", "X-Forwarded-For"}
    dropped = set(sent) - {"If-Match", "X-Request-ID", "Connection", *replaced}
    assert not [name for name in dropped if name in request.headers]
    assert request.headers["Host"] == "service"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_who_calls_on_its_machine_comes_from_nowhere_else(address: str) -> None:
    requests: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(200)

    async with gateway_to(stub(respond), address) as client:
        await client.get(PATH, headers={"X-Forwarded-For": "203.0.113.7"})
    (request,) = requests
    assert "X-Forwarded-For" not in request.headers


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("/v1/things/1", "/stub/v1/things/1"),
        ("http://service/v1/things/1", "/stub/v1/things/1"),
        ("https://elsewhere.test/x", "https://elsewhere.test/x"),
        ("//elsewhere.test/x", "//elsewhere.test/x"),
        ("things/1", "things/1"),
    ],
)
async def test_urls_in_responses_lead_through_the_gateway(sent: str, received: str) -> None:
    def respond(request: httpx2.Request) -> httpx2.Response:
        headers = {"Location": sent, "ETag": '"7"', "Connection": "x-mine", "X-Mine": "1"}
        return httpx2.Response(303, headers=headers)

    async with gateway_to(stub(respond)) as client:
        response = await client.get(PATH)
    assert response.status_code == 303
    assert (response.headers["Location"], response.headers["ETag"]) == (received, '"7"')
    assert "X-Mine" not in response.headers


@pytest.mark.parametrize("content", [b"", b"[]", b"no JSON"])
async def test_a_problem_that_is_no_json_object_is_forwarded_as_it_is(content: bytes) -> None:
    def respond(request: httpx2.Request) -> httpx2.Response:
        headers = {"Content-Type": "application/problem+json", "ETag": '"7"'}
        return httpx2.Response(409, headers=headers, content=content)

    async with gateway_to(stub(respond)) as client:
        response = await client.get(PATH)
    assert (response.status_code, response.content) == (409, content)
    assert response.headers["ETag"] == '"7"'


async def test_a_caller_who_exceeds_the_rate_limit_learns_when_to_retry() -> None:
    forwarded: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        forwarded.append(request)
        return httpx2.Response(200)

    async with gateway_to(stub(respond), caller_rate=0.01, caller_burst=3.0) as client:
        responses = [await client.get(PATH) for _ in range(5)]
    assert [it.status_code for it in responses] == [200, 200, 200, 429, 429]
    assert len(forwarded) == 3
    assert is_problem(responses[-1], 429)
    assert int(responses[-1].headers["Retry-After"]) > 0
    assert responses[0].headers["RateLimit"] == '"caller";r=2;t=0'


async def test_requests_to_an_unreachable_service_get_503() -> None:
    async with socket_stub(lambda *_: asyncio.sleep(0)) as services:
        pass  # nothing listens there any more
    async with gateway_to(services) as client:
        response = await client.get(PATH)
    assert is_problem(response, 503)
    assert response.headers["Retry-After"]


async def test_requests_to_a_service_that_hangs_get_504() -> None:
    end = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await end.wait()
        writer.close()

    async with socket_stub(hang) as services:
        async with gateway_to(services, answer_within_s=0.2) as client:
            async with asyncio.timeout(5):
                responses = await asyncio.gather(*(client.get(PATH) for _ in range(20)))
        end.set()
        await asyncio.sleep(0.05)
    assert all(is_problem(it, 504) for it in responses)


TRUNCATED = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\nContent-Length: 9\r\n\r\n{"


@pytest.mark.parametrize(
    "sent", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", TRUNCATED]
)
async def test_an_invalid_response_becomes_502(sent: bytes) -> None:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        writer.close()
        await writer.wait_closed()

    async with socket_stub(send) as services, gateway_to(services) as client:
        assert is_problem(await client.get(PATH), 502)


class Echo(httpx2.AsyncBaseTransport):
    """A service that sends each chunk of a request back as it arrives."""

    def __init__(self) -> None:
        self.chunks = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        async def echo() -> AsyncIterator[bytes]:
            assert isinstance(request.stream, httpx2.AsyncByteStream)
            async for chunk in request.stream:
                self.chunks += bool(chunk)
                yield chunk

        return httpx2.Response(200, content=echo())


async def test_bodies_are_streamed_both_ways() -> None:
    async def upload() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 100_000

    echo = Echo()
    async with gateway_to({"stub": echo}, max_body_bytes=5_000_000) as client:
        response = await client.post(PATH, content=upload())
    assert (echo.chunks, len(response.content)) == (50, 5_000_000)


class Sink(httpx2.AsyncBaseTransport):
    """A service that reads all of a request before it answers."""

    def __init__(self) -> None:
        self.received = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        async for chunk in request.stream:
            self.received += len(chunk)
        return httpx2.Response(200)


async def test_a_large_body_is_refused_before_the_caller_is_known() -> None:
    sink = Sink()
    async with gateway_to({"stub": sink}, max_body_bytes=1000) as client:
        for name in credentials.accepted(OUTSIDER):
            del client.headers[name]
        response = await client.post(PATH, content=b"x" * 1001)
        assert (await client.post(PATH, content=b"x" * 1000)).status_code == 200
    assert is_problem(response, 413)
    assert sink.received == 1000


async def test_a_body_of_unknown_length_is_counted_as_it_is_forwarded() -> None:
    async def upload() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 400

    sink = Sink()
    async with gateway_to({"stub": sink}, max_body_bytes=1000) as client:
        response = await client.post(PATH, content=upload())
    assert is_problem(response, 413)
    assert sink.received == 800


async def test_a_body_that_stops_halfway_gets_408() -> None:
    async def upload() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(60)

    async with gateway_to({"stub": Sink()}, body_timeout_s=0.2) as client:
        async with asyncio.timeout(10):
            response = await client.post(PATH, content=upload())
    assert is_problem(response, 408)


async def test_responses_are_not_cached_and_do_not_repeat_the_host_header(system: System) -> None:
    evil = {"Host": "evil.example"}
    kept = {"Cache-Control": "max-age=60"}
    async with gateway_to(stub(lambda _: httpx2.Response(200, headers=kept))) as client:
        stored = await client.get(PATH)
    assert stored.headers.get_list("Cache-Control") == ["max-age=60"]
    async with gateway_to(public_services(system)) as client:
        records = [f"/{it.service}{it.path}" for it in offering("list") if it.service in PUBLIC]
        for path in ("/docs", "/openapi.json", "/health/live", "/nowhere", *records):
            for address in (path, f"{path}/"):
                response = await client.get(address, headers=evil)
                assert response.headers.get_list("Cache-Control") == ["no-store"]
                assert response.headers.get_list("X-Content-Type-Options") == ["nosniff"]
                assert "evil" not in f"{response.headers} {response.text}"
                assert not response.is_redirect


async def test_pages_of_allowed_origins_are_let_in_once(system: System) -> None:
    origin = {"Origin": "https://shop.example"}
    asking = {"Access-Control-Request-Method": "DELETE"}
    path = f"/{OWN}{PREFIX}/open/day"
    async with open_and_own(system, allowed_origins=[*origin.values()]) as client:
        asked = await client.options(path, headers=origin | asking)
        answered = await client.get(path, headers=origin)
        refused = await client.get(path, headers={"Origin": "https://evil.example"})
    assert asked.status_code == answered.status_code == 200
    for response in (asked, answered):
        assert response.headers.get_list("Access-Control-Allow-Origin") == [*origin.values()]
    assert "Access-Control-Allow-Origin" not in refused.headers
    async with open_and_own(system) as client:
        answered = await client.get(path, headers=origin)
    assert not [name for name in answered.headers if name.startswith("access-control")]


async def test_below_the_path_of_a_proxy_urls_lead_through_both(system: System) -> None:
    def respond(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(201, headers={"Location": f"{request.url.path}/1"})

    async with gateway_to(stub(respond)) as client:
        transport = client._transport
        assert isinstance(transport, httpx2.ASGITransport)
        transport.root_path = "/shop"
        created = await client.post(f"/shop{PATH}")
        described = (await client.get("/shop/openapi.json")).json()
        assert "'/shop/openapi.json'" in (await client.get("/shop/docs")).text
        transport.root_path = ""
        assert "servers" not in (await client.get("/openapi.json")).json()
    assert (created.status_code, created.headers["Location"]) == (201, f"/shop{PATH}/1")
    assert described["servers"] == [{"url": "/shop"}]


async def test_a_method_that_cannot_be_forwarded_gets_405_with_those_that_can(
    system: System,
) -> None:
    async with open_and_own(system) as client:
        own = await client.request("TRACE", PATH)
        forwarded = await client.post(f"/{OWN}{PREFIX}/open/day")
    assert is_problem(own, 405) and is_problem(forwarded, 405)
    assert own.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
    assert forwarded.headers["Allow"] == "GET"


async def test_a_length_beside_a_transfer_coding_is_not_forwarded() -> None:
    requests: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(200)

    both = {"Transfer-Encoding": "chunked", "Content-Length": "4"}
    async with gateway_to(stub(respond)) as client:
        await client.post(PATH, content=b"ab", headers=both)
    (request,) = requests
    assert "Content-Length" not in request.headers
    assert (request.headers["Transfer-Encoding"], request.content) == ("chunked", b"ab")


@pytest.mark.parametrize(
    ("query", "status"), [(b"a=1", 200), (b"a=\x00", 400), (b"\xff", 400), (b"x" * 70_000, 400)]
)
async def test_a_url_that_cannot_be_forwarded_is_refused(query: bytes, status: int) -> None:
    messages: list[Any] = []

    async def receive() -> dict[str, object]:
        return await asyncio.Future()  # the client has sent everything, and waits

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": query,
        "headers": [
            (name.lower().encode(), value.encode())
            for name, value in credentials.accepted(OUTSIDER).items()
        ],
    }
    async with gateway_to(stub(lambda _: httpx2.Response(200))) as client:
        transport = client._transport
        assert isinstance(transport, httpx2.ASGITransport)
        await transport.app(scope, receive, send)
    assert messages[0]["status"] == status


async def test_it_is_ready_while_any_service_is(system: System) -> None:
    async with gateway_to(public_services(system)) as client:
        assert (await client.get("/health/live")).json() == {"status": "live"}
        assert (await client.get("/health/ready")).json() == {"status": "ready"}
    async with gateway_to(stub(lambda _: httpx2.Response(503))) as client:
        assert is_problem(await client.get("/health/ready"), 503)


async def test_cookies_of_one_caller_are_not_sent_for_another() -> None:
    sent: list[str | None] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.headers.get("Cookie"))
        return httpx2.Response(200, headers={"Set-Cookie": "session=of-one; Path=/"})

    async with gateway_to(stub(respond)) as client:
        for _ in range(3):
            answer = await client.get(PATH)
            assert answer.headers["Set-Cookie"] == "session=of-one; Path=/"
            client.cookies.clear()
    assert sent == [None] * 3


async def test_services_are_asked_once_for_all_who_want_to_know_whether_they_are_ready() -> None:
    asked: list[str] = []
    ready = True

    def respond(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        return httpx2.Response(200 if ready else 503)

    async with gateway_to(stub(respond)) as client:
        answers = await asyncio.gather(*(client.get("/health/ready") for _ in range(50)))
        assert {it.status_code for it in answers} == {200}
        assert asked == ["/health/ready"]
        ready = False
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(readiness, "KEPT_S", 0.0)
            assert is_problem(await client.get("/health/ready"), 503)


async def test_one_openapi_document_describes_the_public_services(system: System) -> None:
    async with gateway_to(public_services(system)) as client:
        document = (await client.get("/openapi.json")).json()
        assert "/openapi.json" in (await client.get("/docs")).text
    served = [
        (name, path, operation)
        for name in PUBLIC
        for path, operations in system.apps[name].openapi()["paths"].items()
        if not path.startswith("/health/")
        for operation in operations.values()
    ]
    assert set(document["paths"]) == {f"/{name}{path}" for name, path, _ in served}
    schemes = document["components"]["securitySchemes"]

    def roles(operation: dict[str, Any]) -> list[str] | None:
        """The roles that an operation names, the same for each way to prove who calls; None if nobody proves it."""
        named = [roles for way in operation.get("security", []) for roles in way.values()]
        assert all(it == named[0] for it in named)
        return named[0] if named else None

    operations = [it for methods in document["paths"].values() for it in methods.values()]
    assert {it["operationId"]: roles(it) for it in operations} == {
        f"{name}_{it['operationId']}": roles(it) for name, _, it in served
    }
    ways = [way for it in operations for way in it.get("security", [])]
    assert {name for way in ways for name in way} in (set(schemes), set())
    assert all({"429", "502", "504"} <= set(it["responses"]) for it in operations)
    ids = [it["operationId"] for it in operations]
    for_callers = (it for it in OPERATIONS if it.access == "callers")
    assert {f"{ENTITIES[it.entity].service}_{it.id}" for it in for_callers} <= set(ids)
    assert len(ids) == len(set(ids))
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


def references(value: Any) -> list[str]:
    """Every `$ref` in a document."""
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [it for item in value.values() for it in references(item)]
    if isinstance(value, list):
        return [it for item in value for it in references(item)]
    return []


async def test_an_unavailable_service_is_described_as_it_was_last() -> None:
    is_up = True

    def respond(request: httpx2.Request) -> httpx2.Response:
        paths = {"/v1/things": {"get": {"operationId": "list", "responses": {}}}}
        return httpx2.Response(200, json={"paths": paths}) if is_up else httpx2.Response(503)

    async with gateway_to(stub(respond)) as client:
        before = (await client.get("/openapi.json")).json()
        is_up = False
        after = (await client.get("/openapi.json")).json()
    assert after["paths"] == before["paths"] != {}
    assert after["info"]["description"] == "Unavailable at the moment: stub."


async def test_an_unknown_id_gets_the_404_of_the_service(system: System) -> None:
    async with gateway_to(public_services(system)) as client:
        for entity in (it for it in offering("read") if it.service in PUBLIC):
            response = await client.get(f"/{entity.service}{entity.path}/{NO_SUCH_ID}")
            assert is_problem(response, 404)
