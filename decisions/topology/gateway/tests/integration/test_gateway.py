"""Callers from outside come through the gateway, which lets nothing else through with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from services.common import entrance
from services.common.config import Settings
from services.common.gateway import app as gateway_app
from services.common.gateway.app import gateway
from services.common.gateway.forwarding import ADDRESS
from services.common.gateway.main import SERVICES as OPEN
from services.common.security import AS_SERVICE
from services.common.versions import PREFIX
from tests.fixtures import callers
from tests.fixtures.facts import ENTITIES, INTERNAL, SERVICES
from tests.fixtures.system import NO_SUCH_ID, SERVICE_KEY, System, settings_for

ANYWHERE = f"/stub{PREFIX}/things"


@asynccontextmanager
async def entered(
    services: Mapping[str, httpx2.AsyncBaseTransport | str], **settings: object
) -> AsyncIterator[httpx2.AsyncClient]:
    """A caller who is known, before a gateway to services that are an address or in this process."""

    def open_client(name: str, url: str, headers: dict[str, str]) -> httpx2.AsyncClient:
        way = services[name]
        if isinstance(way, str):
            return httpx2.AsyncClient(base_url=way, headers=headers, trust_env=False)
        return httpx2.AsyncClient(transport=way, base_url="http://inside", headers=headers)

    given = settings_for({}).model_copy(update={"caller_burst": 1000.0, **settings})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway_app, "open_client", open_client)
        patch.setattr(Settings, "url", lambda *_: "http://unused")
        app = gateway(tuple(services), given)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app, raise_app_exceptions=False),
                base_url="http://gateway",
                headers=callers.credentials(),
            ) as caller,
        ):
            yield caller


def inside(system: System) -> dict[str, httpx2.AsyncBaseTransport | str]:
    """The services that the gateway of the project leads to."""
    return {name: system.lines[name] for name in OPEN}


def stub(
    answer: Callable[[httpx2.Request], httpx2.Response],
) -> dict[str, httpx2.AsyncBaseTransport | str]:
    """One service, which answers like this."""

    def unread(request: httpx2.Request) -> httpx2.Response:
        it = answer(request)
        return httpx2.Response(
            it.status_code, headers=it.headers, stream=httpx2.ByteStream(it.content)
        )

    return {"stub": httpx2.MockTransport(unread)}


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handle: Handler) -> AsyncIterator[dict[str, httpx2.AsyncBaseTransport | str]]:
    """One service that does this with a connection."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield {"stub": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}


def is_problem(answer: httpx2.Response, status: int) -> bool:
    return bool(
        answer.status_code == status
        and answer.headers["Content-Type"] == "application/problem+json"
        and answer.json()["status"] == status
    )


def test_it_leads_to_the_services_that_are_open_to_callers() -> None:
    assert sorted(OPEN) == sorted(set(SERVICES) - set(INTERNAL))


async def test_records_live_behind_it(system: System) -> None:
    async with entered(inside(system)) as caller:
        for entity in (it for it in ENTITIES.values() if it.service in OPEN):
            draft = await system.draft(entity)
            there = f"/{entity.service}{entity.path}"
            created = await caller.post(there, json=draft)
            assert created.status_code == 201
            address = created.headers["Location"]
            assert address == f"{there}/{created.json()['id']}"

            read = await caller.get(address)
            assert read.json() == created.json()
            tag = {"If-Match": read.headers["ETag"]}
            assert (await caller.put(address, json=draft, headers=tag)).json()["version"] == 2
            assert is_problem(await caller.put(address, json=draft, headers=tag), 412)
            assert (await caller.get(there, params={"limit": 1})).status_code == 200
            tag = {"If-Match": '"2"'}
            assert (await caller.delete(address, headers=tag)).status_code == 204
            gone = await caller.get(address)
            assert is_problem(gone, 404)
            assert gone.json()["instance"] == address


async def test_services_refuse_who_comes_past_it(system: System) -> None:
    past = {**callers.credentials(), **entrance.named("services")}
    for entity in ENTITIES.values():
        async with system.client(entity.service, past) as client:
            assert is_problem(await client.get(entity.path), 401)


async def test_nobody_outside_passes_as_a_service(system: System) -> None:
    headers = {AS_SERVICE: SERVICE_KEY, **entrance.named("services")}
    for name in SERVICES:
        async with system.client(name, headers) as client:
            answer = await client.post("/internal/events", json={})
            assert answer.status_code in (401, 404)


async def test_who_calls_must_be_known(system: System) -> None:
    async with entered(inside(system)) as caller:
        for name in callers.credentials():
            del caller.headers[name]
        for wrong in [*callers.wrong_credentials(), {AS_SERVICE: SERVICE_KEY, "Host": "other"}]:
            answer = await caller.get(f"/{SERVICES[0]}{PREFIX}/things", headers=wrong)
            assert is_problem(answer, 401)
            assert answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "path",
    [
        b"/orders/v1/orders",
        b"/orders/v1/orders/0198f5a0-0000-7000-8000-000000000001",
        b"/a_b/v1/..things",
        b"/orders/v1/a.b~c",
    ],
)
def test_addresses_of_services_are_passed_on(path: bytes) -> None:
    assert ADDRESS.fullmatch(path.replace(b"/v1", PREFIX.encode()))


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
        b"/orders/v1/orders?x",
        b"/orders/v1/orders#x",
        b"/orders@evil/v1/orders",
        b"/orders:80/v1/orders",
        b"/Orders/v1/orders",
        b"http://evil.test/orders/v1/orders",
        b"*",
    ],
)
def test_other_addresses_are_not(path: bytes) -> None:
    assert not ADDRESS.fullmatch(path.replace(b"/v1", PREFIX.encode()))


async def test_other_addresses_are_answered_by_the_gateway_alone(system: System) -> None:
    hidden = [f"/{name}{PREFIX}/things" for name in INTERNAL]
    inner = [f"/{name}/{it}" for name in SERVICES for it in ("internal/events", "health/ready")]
    async with entered(inside(system)) as caller:
        for path in ("/nowhere/v1/things", "/nowhere", *hidden, *inner):
            assert is_problem(await caller.post(path, json={}), 404)


async def test_a_service_learns_who_calls_and_gets_no_credentials() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
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
        "If-Match": '"1"',
        "X-Request-ID": "mine-1",
    }
    async with entered(stub(answer)) as caller:
        answered = await caller.put(
            f"{ANYWHERE}?a=1&b=%2F..%2F&a=2",
            json={"a": 1},
            headers={**sent, **callers.credentials()},
        )
    assert answered.status_code == 200
    assert answered.headers.get_list("X-Request-ID") == ["mine-1"]
    (request,) = seen
    assert str(request.url) == f"http://inside{PREFIX}/things?a=1&b=%2F..%2F&a=2"
    assert request.headers.get_list(AS_SERVICE) == [SERVICE_KEY]
    (named,) = request.headers.get_list(entrance.CALLER)
    assert named != "services"
    assert (request.headers["If-Match"], request.headers["X-Request-ID"]) == ('"1"', "mine-1")
    dropped = set(sent) - {"If-Match", "X-Request-ID", "Connection", "X-Caller", AS_SERVICE}
    assert not [name for name in dropped if name in request.headers]
    assert request.headers["Host"] == "inside"


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("/v1/things/1", "/stub/v1/things/1"),
        ("http://inside/v1/things/1", "/stub/v1/things/1"),
        ("https://elsewhere.test/x", "https://elsewhere.test/x"),
        ("//elsewhere.test/x", "//elsewhere.test/x"),
        ("things/1", "things/1"),
    ],
)
async def test_addresses_in_answers_lead_through_the_gateway(inside: str, outside: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        kept = {"Location": inside, "ETag": '"7"', "Connection": "x-mine", "X-Mine": "1"}
        return httpx2.Response(303, headers=kept)

    async with entered(stub(answer)) as caller:
        answered = await caller.get(ANYWHERE)
    assert answered.status_code == 303
    assert (answered.headers["Location"], answered.headers["ETag"]) == (outside, '"7"')
    assert "X-Mine" not in answered.headers


@pytest.mark.parametrize("said", [b"", b"[]", b"no JSON"])
async def test_what_only_claims_to_be_a_problem_comes_as_it_is(said: bytes) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        kept = {"Content-Type": "application/problem+json", "ETag": '"7"'}
        return httpx2.Response(409, headers=kept, content=said)

    async with entered(stub(answer)) as caller:
        answered = await caller.get(ANYWHERE)
    assert (answered.status_code, answered.content, answered.headers["ETag"]) == (409, said, '"7"')


async def test_who_calls_too_often_is_told_when_to_come_back() -> None:
    passed: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        passed.append(request)
        return httpx2.Response(200)

    async with entered(stub(answer), caller_rate=0.01, caller_burst=3.0) as caller:
        answers = [await caller.get(ANYWHERE) for _ in range(5)]
    assert [it.status_code for it in answers] == [200, 200, 200, 429, 429]
    assert len(passed) == 3
    assert is_problem(answers[-1], 429)
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert answers[0].headers["RateLimit"] == '"caller";r=2;t=0'


async def test_a_service_that_is_away_is_said_to_be() -> None:
    async with listening(lambda *_: asyncio.sleep(0)) as services:
        pass  # nobody listens there any more
    async with entered(services) as caller:
        answer = await caller.get(ANYWHERE)
    assert is_problem(answer, 503)
    assert answer.headers["Retry-After"]


async def test_a_service_that_hangs_is_not_waited_for() -> None:
    over = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with listening(hang) as services:
        async with entered(services, answer_within_s=0.2) as caller:
            async with asyncio.timeout(5):
                answers = await asyncio.gather(*(caller.get(ANYWHERE) for _ in range(20)))
        over.set()
        await asyncio.sleep(0.05)
    assert all(is_problem(it, 504) for it in answers)


NO_END = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\nContent-Length: 9\r\n\r\n{"


@pytest.mark.parametrize(
    "said", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", NO_END]
)
async def test_a_service_that_talks_nonsense_is_said_to(said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()
        await writer.wait_closed()

    async with listening(talk) as services, entered(services) as caller:
        assert is_problem(await caller.get(ANYWHERE), 502)


class Echo(httpx2.AsyncBaseTransport):
    """A service that sends back what it gets, piece by piece."""

    def __init__(self) -> None:
        self.pieces = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        async def back() -> AsyncIterator[bytes]:
            assert isinstance(request.stream, httpx2.AsyncByteStream)
            async for piece in request.stream:
                self.pieces += bool(piece)
                yield piece

        return httpx2.Response(200, content=back())


async def test_bodies_are_streamed_both_ways() -> None:
    async def up() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 100_000

    echo = Echo()
    async with entered({"stub": echo}) as caller:
        answer = await caller.post(ANYWHERE, content=up())
    assert (echo.pieces, len(answer.content)) == (50, 5_000_000)


@pytest.mark.parametrize(
    ("query", "status"), [(b"a=1", 200), (b"a=\x00", 400), (b"\xff", 400), (b"x" * 70_000, 400)]
)
async def test_an_address_that_cannot_be_passed_on_is_refused(query: bytes, status: int) -> None:
    messages: list[Any] = []

    async def receive() -> dict[str, object]:
        return await asyncio.Future()  # the caller has sent all, and stays

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": ANYWHERE,
        "raw_path": ANYWHERE.encode(),
        "query_string": query,
        "headers": [
            (name.lower().encode(), value.encode()) for name, value in callers.credentials().items()
        ],
    }
    async with entered(stub(lambda _: httpx2.Response(200))) as caller:
        transport = caller._transport
        assert isinstance(transport, httpx2.ASGITransport)
        await transport.app(scope, receive, send)
    assert messages[0]["status"] == status


async def test_it_is_ready_while_any_service_is(system: System) -> None:
    async with entered(inside(system)) as caller:
        assert (await caller.get("/health/live")).json() == {"status": "live"}
        assert (await caller.get("/health/ready")).json() == {"status": "ready"}
    async with entered(stub(lambda _: httpx2.Response(503))) as caller:
        assert is_problem(await caller.get("/health/ready"), 503)


async def test_one_document_describes_the_services_as_callers_see_them(system: System) -> None:
    async with entered(inside(system)) as caller:
        document = (await caller.get("/openapi.json")).json()
        assert "/openapi.json" in (await caller.get("/docs")).text
    described = set(document["paths"])
    wanted = {
        f"/{name}{path}"
        for name in OPEN
        for path in system.apps[name].openapi()["paths"]
        if not path.startswith("/health/")
    }
    assert described == wanted
    schemes = document["components"]["securitySchemes"]
    operations = [it for methods in document["paths"].values() for it in methods.values()]
    assert all(it["security"] == [{name: []} for name in schemes] for it in operations)
    assert all({"429", "502", "504"} <= set(it["responses"]) for it in operations)
    ids = [it["operationId"] for it in operations]
    assert len(ids) == len(set(ids))
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


def references(value: Any) -> list[str]:
    """Everything that a document refers to."""
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [it for part in value.values() for it in references(part)]
    if isinstance(value, list):
        return [it for part in value for it in references(part)]
    return []


async def test_a_service_that_went_away_is_described_as_it_was() -> None:
    there = True

    def answer(request: httpx2.Request) -> httpx2.Response:
        paths = {"/v1/things": {"get": {"operationId": "list", "responses": {}}}}
        return httpx2.Response(200, json={"paths": paths}) if there else httpx2.Response(503)

    async with entered(stub(answer)) as caller:
        before = (await caller.get("/openapi.json")).json()
        there = False
        after = (await caller.get("/openapi.json")).json()
    assert after["paths"] == before["paths"] != {}
    assert after["info"]["description"] == "Away at the moment: stub."


async def test_an_id_that_no_service_has_is_told_by_the_service(system: System) -> None:
    async with entered(inside(system)) as caller:
        for entity in (it for it in ENTITIES.values() if it.service in OPEN):
            answer = await caller.get(f"/{entity.service}{entity.path}/{NO_SUCH_ID}")
            assert is_problem(answer, 404)
