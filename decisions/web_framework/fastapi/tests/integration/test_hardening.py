"""What every request is held to: its body has limits, and no answer is stored, reinterpreted or made of its `Host`."""

from __future__ import annotations

import asyncio
import re
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import httpx2
import pytest
import uvicorn
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from services.common.api import connections, hardening
from services.common.api.app import create_app
from services.common.api.idempotency import IdempotencyKey
from tests.fixtures.adaptations import accepted, offering
from tests.fixtures.application import Application, definition, lifespan, runtime_of
from tests.fixtures.facts import DATABASES, ENTITIES, OPERATIONS, SERVICES, Entity
from tests.fixtures.system import NO_SUCH_ID, System

JSON = {"Content-Type": "application/json"}
EVIL = {"Host": "evil.example"}
PRIVATE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
router, public = APIRouter(prefix="/own"), APIRouter(prefix="/open")

each_service = pytest.mark.parametrize("service", SERVICES)


class Note(BaseModel):
    """What is sent."""

    text: str


@router.post("/notes")
async def add_note(note: Note, key: IdempotencyKey) -> int:
    """Tell how long a note is."""
    return len(note.text)


@public.post("/chunks")
async def add_chunks(request: Request) -> int:
    """Read a body slowly."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        await asyncio.sleep(0.1)
    return size


@public.get("/slow")
async def get_slowly() -> StreamingResponse:
    """Answer slowly."""

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0.1)
            yield b"x"

    return StreamingResponse(stream())


@public.get("/cached")
async def get_cached(response: Response) -> None:
    """Let everybody store the answer for a while."""
    response.headers["Cache-Control"] = "max-age=60"


@public.get("/broken")
async def get_broken() -> None:
    """Fail."""
    raise RuntimeError("broken")


@asynccontextmanager
async def served(system: System, service: str, **settings: object) -> AsyncIterator[Application]:
    """A service with the routes above."""
    known = system.apps[service].state.settings.model_copy(update=settings)
    own = replace(definition(service), internal=False, resources=(), components=())
    app = create_app(own, router, public=[public], settings=known)
    async with lifespan(app):
        yield app


def client_of(
    app: Application, root_path: str = "", headers: dict[str, str] | None = None
) -> httpx2.AsyncClient:
    """A client of an application, without credentials."""
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False, root_path=root_path)
    return httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers)


def is_problem(response: httpx2.Response, status: int, title: str) -> bool:
    content = response.json()
    return bool(
        response.status_code == content["status"] == status
        and response.headers["Content-Type"] == "application/problem+json"
        and content["title"] == title
        and content["request_id"] == response.headers["X-Request-ID"]
    )


class Body:
    """A body that arrives in chunks, each after a pause, and that knows how many were taken."""

    def __init__(self, *chunks: bytes, pause_s: float = 0.0) -> None:
        self.chunks = chunks
        self.pause_s = pause_s
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            await asyncio.sleep(self.pause_s)
            self.taken += 1
            yield chunk


async def test_a_large_body_is_refused_before_it_is_read_and_before_the_caller_is_known(
    system: System,
) -> None:
    body = Body(b"x" * 1001)
    async with served(system, SERVICES[0], max_body_bytes=1000) as app, client_of(app) as client:
        headers = {**JSON, "Content-Length": "1001"}
        answer = await client.post("/own/notes", content=body, headers=headers)
    assert is_problem(answer, 413, "Content Too Large")
    assert answer.json()["detail"] == "The body is larger than 1000 bytes."
    assert answer.headers["Connection"] == "close"
    assert body.taken == 0


async def test_a_body_of_unknown_length_is_counted_as_it_arrives(system: System) -> None:
    body = Body(*[b"x" * 400] * 100)
    async with served(system, SERVICES[0], max_body_bytes=1000) as app, client_of(app) as client:
        answer = await client.post("/own/notes", content=body, headers=JSON)
    assert is_problem(answer, 413, "Content Too Large")
    assert answer.headers["Connection"] == "close"
    assert body.taken == 3


@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413)])
async def test_a_body_may_be_as_large_as_the_limit(system: System, size: int, status: int) -> None:
    halves = b"x" * 500, b"x" * (size - 500)
    async with served(system, SERVICES[0], max_body_bytes=1000) as app, client_of(app) as client:
        for content in (b"".join(halves), Body(*halves)):
            answer = await client.post("/open/chunks", content=content)
            assert answer.status_code == status
            assert status == 413 or answer.json() == size


async def test_a_body_that_arrives_too_slowly_is_refused(system: System) -> None:
    body = Body(*[b"x"] * 100, pause_s=0.1)
    async with served(system, SERVICES[0], body_timeout_s=0.35) as app, client_of(app) as client:
        answer = await client.post("/own/notes", content=body, headers=JSON)
    assert is_problem(answer, 408, "Request Timeout")
    assert answer.json()["detail"] == "The body did not arrive within 0.35 s."
    assert answer.headers["Connection"] == "close"
    assert body.taken <= 3


async def test_each_chunk_of_a_body_has_what_is_left_of_its_time(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that shows when each wait begins and ends; what passes between waits does not count."""
    clock = iter([10.0, 10.1, 20.0, 20.15, 30.0, 30.1])
    limits: list[float] = []

    def timeout(seconds: float) -> nullcontext[None]:
        limits.append(seconds)
        return nullcontext()

    async with served(system, SERVICES[0], body_timeout_s=0.35) as app, client_of(app) as client:
        monkeypatch.setattr(hardening, "perf_counter", lambda: next(clock))
        monkeypatch.setattr(hardening, "asyncio", SimpleNamespace(timeout=timeout))
        read = await client.post("/open/chunks", content=Body(b"x", b"y"))
    assert read.json() == 2
    assert limits == pytest.approx([0.35, 0.25, 0.1])


async def test_a_caller_may_take_time_over_what_is_not_its_body(system: System) -> None:
    """Neither a service that reads slowly counts, nor one that answers slowly."""
    async with served(system, SERVICES[0], body_timeout_s=0.1) as app, client_of(app) as client:
        read = await client.post("/open/chunks", content=Body(b"x", b"y", b"z"))
        answered = await client.get("/open/slow")
    assert (read.json(), answered.text) == (3, "xxx")


@asynccontextmanager
async def listening(app: Application, root_path: str = "") -> AsyncIterator[int]:
    """Let a server listen for requests to an application that is running; the port."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        root_path=root_path,
        http=connections.Protocol,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


@pytest.mark.parametrize("service", DATABASES[:1])
async def test_a_request_that_stops_halfway_ends_without_the_database(
    system: System, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []
    sent = {**system.proof_for(service), **JSON, "Host": "localhost"}
    sent |= {"Idempotency-Key": "1", "Content-Length": "14"}
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    request = f"POST /own/notes HTTP/1.1\r\n{head}\r\n".encode() + b'{"text": "ab"}'
    async with served(system, service, body_timeout_s=0.5) as app, listening(app) as port:
        database = runtime_of(app).database
        read = database.read

        def noted() -> AbstractAsyncContextManager[Any]:
            used.append("read")
            return read()

        monkeypatch.setattr(database, "read", noted)
        half_sent, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request[:-7])
        async with asyncio.timeout(10):
            answer = await half_sent.read()  # until the server closes the connection
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert used == []
        whole_sent, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        assert (await whole_sent.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
    assert used


HEAD = b"GET /open/slow HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("sent", [b"", HEAD[:12], HEAD])
async def test_a_connection_without_a_complete_request_head_is_closed(
    system: System, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.2)  # less than the response takes
    async with served(system, SERVICES[0]) as app, listening(app) as port:
        answer, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(3):  # less than a connection is kept for another request
            if sent:
                writer.write(HEAD + b"\r\n")
                assert (await answer.readuntil(b"\r\n0\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
                writer.write(sent)
            assert await answer.read() == b""  # until the server closes the connection
        writer.close()


@pytest.mark.parametrize(("proxies", "known"), [("", "127.0.0.1"), ("127.0.0.1", "10.0.0.7")])
async def test_a_proxy_that_is_named_tells_where_a_request_comes_from(
    proxies: str, known: str
) -> None:
    clients = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clients.append(scope["client"][0])

    config = uvicorn.Config(app, forwarded_allow_ips=proxies, log_config=None)
    config.load()
    sent = [(b"x-forwarded-for", b"10.0.0.7")]
    scope: Any = {"type": "http", "client": ("127.0.0.1", 50_000), "headers": sent}
    await config.loaded_app(scope, AsyncMock(), AsyncMock())
    assert clients == [known]


def is_private(answer: httpx2.Response) -> bool:
    return {name: answer.headers.get(name) for name in PRIVATE} == PRIVATE


@each_service
async def test_responses_are_neither_cached_nor_sniffed(system: System, service: str) -> None:
    async with system.client(service) as client:
        for path in ("/health/live", "/redoc", "/openapi.json", "/nowhere"):
            assert is_private(await client.get(path))
        for it in (it for it in OPERATIONS if ENTITIES[it.entity].service == service):
            path = it.path.replace("{id}", NO_SUCH_ID)
            assert is_private(await client.request(it.method, path))


@each_service
async def test_the_page_that_shows_an_api_loads_from_its_service_alone(
    system: System, service: str
) -> None:
    async with system.client(service, {}) as client:
        page = await client.get("/docs")
        loaded = re.findall(r"""(?:src|href)="([^"]+)""", page.text)
        assert {(await client.get(it)).status_code for it in loaded} == {200}
    assert len(loaded) == 3 and all(it.startswith("/docs/assets/") for it in loaded)
    rules = dict(it.split(" ", 1) for it in page.headers["Content-Security-Policy"].split("; "))
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    hashed = b64encode(sha256(script.encode()).digest()).decode()
    assert rules["script-src"] == f"'self' 'sha256-{hashed}'"
    assert {rules[it] for it in ("default-src", "base-uri", "frame-ancestors")} == {"'none'"}
    assert "http" not in "".join(rules.values())
    assert page.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("entity", offering("create", "read"), ids=str)
async def test_nobody_stores_a_record(system: System, entity: Entity) -> None:
    async with system.client(entity) as client:
        draft = await system.draft(entity)
        created = accepted(await client.post(entity.path, json=draft), entity)
        read = await client.get(created.headers["Location"])
    assert read.headers["ETag"] == created.headers["ETag"]
    assert is_private(created) and is_private(read)


async def test_errors_are_not_cached_and_a_route_may_allow_caching(
    system: System,
) -> None:
    async with served(system, SERVICES[0]) as app, client_of(app) as client:
        failed = await client.get("/open/broken")
        cached = await client.get("/open/cached")
    # The server ends the connection, and says so: nobody sends another request there.
    assert (failed.status_code, failed.headers["Connection"]) == (500, "close")
    assert is_private(failed)
    assert cached.headers.get_list("Cache-Control") == ["max-age=60"]
    assert cached.headers["X-Content-Type-Options"] == "nosniff"


def paths_of(app: Application) -> Sequence[str]:
    """All paths of an application, and each with a slash more."""
    described = (it.replace("{id}", NO_SUCH_ID) for it in app.openapi()["paths"])
    paths = [*described, "/docs", "/openapi.json", "/redoc", "/nowhere"]
    return [*paths, *(f"{it}/" for it in paths)]


@each_service
async def test_responses_do_not_repeat_the_host_header(system: System, service: str) -> None:
    async with system.client(service) as client:
        for path in paths_of(system.apps[service]):
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                answer = await client.request(method, path, headers=EVIL)
                assert not answer.is_redirect
                assert "evil" not in f"{answer.headers} {answer.text}"


async def test_routes_of_ones_own_redirect_to_no_host_either(system: System) -> None:
    async with served(system, SERVICES[0]) as app, client_of(app, headers=EVIL) as client:
        answer = await client.get("/open/cached/")
    assert (answer.status_code, "Location" in answer.headers) == (404, False)


@each_service
async def test_a_service_is_described_below_the_path_of_a_proxy(
    system: System, service: str
) -> None:
    async with client_of(system.apps[service], "/shop") as client:
        described = (await client.get("/shop/openapi.json")).json()
        assert described["servers"] == [{"url": "/shop"}]
        assert "'/shop/openapi.json'" in (await client.get("/shop/docs")).text
        assert (await client.get("/shop/health/live")).status_code == 200


async def test_a_server_gets_requests_without_the_path_of_the_proxy(system: System) -> None:
    app = system.apps[SERVICES[0]]
    async with listening(app, "/shop") as port, httpx2.AsyncClient(trust_env=False) as client:
        described = await client.get(f"http://127.0.0.1:{port}/openapi.json")
    assert described.json()["servers"] == [{"url": "/shop"}]


@pytest.mark.parametrize("entity", offering("create")[:1], ids=str)
async def test_a_record_is_located_below_the_path_of_a_proxy(
    system: System, entity: Entity
) -> None:
    async with system.client(entity) as known:
        headers = dict(known.headers)
    draft = await system.draft(entity)
    async with client_of(system.apps[entity.service], "/shop", headers) as client:
        created = accepted(await client.post(f"/shop{entity.path}", json=draft), entity)
    assert created.headers["Location"] == f"/shop{entity.path}/{created.json()['id']}"
