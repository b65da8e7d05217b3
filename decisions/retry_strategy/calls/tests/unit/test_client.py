"""A client tells answers from failures, and says which request it works for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import structlog
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.common.clients.client import Client
from services.common.clients.errors import CallRejected
from services.common.clients.resource import HttpClients
from services.common.config import Settings
from services.common.errors import ServiceUnavailable
from services.common.models import View
from services.common.runtime import Runtime
from services.common.utils import new_id
from tests.fixtures.system import EXAMPLE

Answer = Callable[[httpx2.Request], httpx2.Response]


class Thing(View):
    """What the other service has."""

    label: str


class Outside(Settings):
    """Settings with two external APIs, of which one asks for a key and more time."""

    keyed_example_url: str = "http://keyed.test"
    keyed_example_key: SecretStr = SecretStr("key-2")
    keyed_example_timeout_s: float = 7.0
    open_example_url: str = "http://open.test"


def constant(status: int, **content: Any) -> Answer:
    return lambda _: httpx2.Response(status, **content)


@asynccontextmanager
async def client(answer: Answer, headers: dict[str, str] | None = None) -> AsyncIterator[Client]:
    transport = httpx2.MockTransport(answer)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://stock", headers=headers
    ) as http:
        yield Client("stock", http, 5.0)


async def test_a_record_is_read_from_its_url() -> None:
    id, asked = new_id(), list[httpx2.Request]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, json={"label": "one", "added_later": 1})

    async with client(answer) as stock:
        assert await stock.find("things", id, Thing) == Thing(label="one")
    (request,) = asked
    assert (request.method, request.url.path.endswith(f"/things/{id}")) == ("GET", True)


async def test_a_record_that_is_not_there_is_none() -> None:
    async with client(constant(404)) as stock:
        assert await stock.find("things", new_id(), Thing) is None


@pytest.mark.parametrize(
    ("answer", "logged"),
    [
        (constant(200, json={"other": 1}), "validation error for Thing"),
        (constant(400, text="never heard of it"), "stock answered 400: never heard of it"),
    ],
)
async def test_an_invalid_response_is_logged(answer: Answer, logged: str) -> None:
    async with client(answer) as stock:
        with (
            capture_logs() as lines,
            pytest.raises(ServiceUnavailable, match="stock did not answer with a Thing"),
        ):
            await stock.find("things", new_id(), Thing)
    (line,) = lines
    assert (line["event"], line["dependency"]) == ("unexpected_response", "stock")
    assert line["log_level"] == "error"
    assert logged in line["error"]


async def test_a_rejected_call_has_the_response() -> None:
    async with client(constant(422, text="x" * 1000)) as stock:
        with pytest.raises(CallRejected) as caught:
            await stock.request("POST", "/things")
    assert caught.value.status == 422
    assert str(caught.value) == f"stock answered 422: {'x' * 300}"


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "600"}])
@pytest.mark.parametrize("status", [401, 403, 408, 425, 429, 500, 503])
async def test_a_service_whose_response_asks_to_wait_is_unavailable(
    status: int, headers: dict[str, str]
) -> None:
    async with client(constant(status, headers=headers)) as stock:
        with pytest.raises(ServiceUnavailable, match="stock is not available") as caught:
            await stock.request("POST", "/things")
    assert str(caught.value.__cause__) == f"stock answered {status}"


@pytest.mark.parametrize("status", [400, 402, 404, 409, 424])
async def test_a_rejected_call_is_no_failure_of_the_service(status: int) -> None:
    async with client(constant(status)) as stock:
        for _ in range(9):
            with pytest.raises(CallRejected):
                await stock.request("POST", "/things")


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
async def test_an_accepted_status_is_no_failure(status: int) -> None:
    async with client(constant(status)) as stock:
        for _ in range(9):
            answer = await stock.request("GET", "/things", accept={status})
            assert answer.status_code == status


async def test_a_request_goes_out_as_it_was_given() -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(204)

    async with client(answer, {"X-API-Key": "key-1"}) as stock:
        with structlog.contextvars.bound_contextvars(request_id="r-1"):
            await stock.request("POST", "/things", json={"label": "one"}, headers={"X-Own": "1"})
        await stock.request("DELETE", "/things", timeout=1.0)
    first, second = asked
    assert (first.method, first.url.path) == ("POST", "/things")
    assert first.content == b'{"label":"one"}'
    sent = [first.headers.get(it) for it in ("X-Request-ID", "X-API-Key", "X-Own")]
    assert sent == ["r-1", "key-1", "1"]
    assert first.extensions["timeout"]["read"] == 5.0
    assert "X-Request-ID" not in second.headers
    assert (second.method, second.extensions["timeout"]["read"]) == ("DELETE", 1.0)


async def test_an_unreachable_service_is_unavailable_and_the_cause_is_known() -> None:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("gone", request=request)

    async with client(fail) as stock:
        with pytest.raises(ServiceUnavailable) as caught:
            await stock.request("POST", "/things")
    assert str(caught.value.__cause__) == "ConnectError('gone')"


async def test_a_service_that_times_out_is_unavailable() -> None:
    async def wait(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(60)
        return httpx2.Response(204)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(wait)) as http:
        async with asyncio.timeout(5):
            with pytest.raises(ServiceUnavailable):
                await Client("stock", http, 0.01).request("GET", "http://stock/things")


async def test_an_external_api_is_called_with_its_key_if_it_has_one() -> None:
    settings = Outside(_env_file=EXAMPLE)  # type: ignore[call-arg]
    runtime = Runtime("tests", settings, None)  # type: ignore[arg-type]
    apis = HttpClients(apis=("keyed_example", "open_example"))
    async with apis.lifespan(runtime):
        keyed, unkeyed = runtime.apis.values()
        assert (keyed.name, keyed.timeout_s) == ("keyed_example", 7.0)
        assert unkeyed.timeout_s == settings.call_timeout_s
        assert [str(it.http.base_url) for it in (keyed, unkeyed)] == [
            "http://keyed.test",
            "http://open.test",
        ]
        assert keyed.http.headers["Authorization"] == "Bearer key-2"
        assert "Authorization" not in unkeyed.http.headers
    assert keyed.http.is_closed and unkeyed.http.is_closed
