"""While settings are safe on this machine alone, a proxy that runs there lets nobody in from elsewhere."""

from __future__ import annotations

import httpx2
import pytest
from structlog.testing import capture_logs

from services.common.api.asgi import Receive, Scope, Send
from services.common.api.loopback_only import LoopbackOnly

UNSAFE = "A_KEY is that of .env.example, which is public."


async def reached(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that says that it was reached."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def client(base_url: str = "http://127.0.0.1:8001") -> httpx2.AsyncClient:
    """A client of a process with such settings."""
    transport = httpx2.ASGITransport(LoopbackOnly(reached, UNSAFE))
    return httpx2.AsyncClient(transport=transport, base_url=base_url)


@pytest.mark.parametrize(
    "header",
    [
        "Forwarded",
        "Via",
        "X-Forwarded-For",
        "x-forwarded-host",
        "X-Forwarded-Port",
        "X-Forwarded-Proto",
        "X-REAL-IP",
    ],
)
async def test_what_came_through_a_proxy_is_refused(header: str) -> None:
    async with client() as it:
        answer = await it.get("/v1/things", headers={header: "127.0.0.1"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    told = f"It came through a proxy, and is refused because of the settings: {UNSAFE}"
    assert (answer.json()["detail"], answer.json()["instance"]) == (told, "/v1/things")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8001", 204),
        ("127.0.0.1", 204),
        ("localhost:8001", 204),
        ("LOCALHOST", 204),
        ("shop.localhost:8001", 204),
        ("[::1]:8001", 204),
        ("", 204),
        ("shop.example", 503),
        ("localhost.example", 503),
        ("notlocalhost", 503),
        ("127.0.0.1.example", 503),
        ("10.0.0.1:8001", 503),
        ("[::2]", 503),
    ],
)
async def test_a_request_for_another_host_is_refused(host: str, status: int) -> None:
    async with client() as it:
        assert (await it.get("/", headers={"Host": host})).status_code == status


async def test_it_is_logged_once_what_is_to_be_changed() -> None:
    with capture_logs() as logs:
        async with client("http://shop.example") as it:
            for path in ("/first", "/second"):
                assert (await it.get(path)).status_code == 503
    assert logs == [
        {
            "event": "request_from_elsewhere_refused",
            "log_level": "error",
            "path": "/first",
            "because": UNSAFE,
        }
    ]


async def test_lifespan_events_pass() -> None:
    seen: list[str] = []

    async def started(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(*_: object) -> None:
        raise AssertionError

    await LoopbackOnly(started, UNSAFE)({"type": "lifespan"}, nothing, nothing)  # type: ignore[arg-type]
    assert seen == ["lifespan"]
