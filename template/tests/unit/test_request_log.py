"""Each request has an id, which callers may choose, and a line in the log that tells its outcome."""

from __future__ import annotations

from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from services.common.api.asgi import Message, Receive, Scope, Send
from services.common.observability import request_log
from services.common.observability.request_log import REQUEST_ID, RequestLog


class App:
    """Answers with a status and a header, or fails, and keeps what it was asked."""

    def __init__(self, status: int = 200, error: Exception | None = None) -> None:
        self.status = status
        self.error = error
        self.scope: Scope = {}
        self.context: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.context = scope, dict(structlog.contextvars.get_contextvars())
        if self.error:
            raise self.error
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


class Clock:
    """Tells these times, one after the other."""

    def __init__(self, *times: float) -> None:
        self.times = [*times]

    def perf_counter(self) -> float:
        return self.times.pop(0)


async def ask(app: App, path: str = "/v1/things", *headers: tuple[bytes, bytes]) -> list[Message]:
    """What a request is answered."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "PUT", "path": path, "headers": [*headers]}
    await RequestLog(app, "things")(scope, receive, send)
    return sent


async def test_the_id_of_a_request_is_in_its_response_and_its_log_context() -> None:
    app = App()
    start, body = await ask(app, "/v1/things", (b"accept", b"*/*"), (b"x-request-id", b"mine-1"))
    assert start["headers"] == [(b"content-type", b"text/plain"), (b"x-request-id", b"mine-1")]
    assert body["type"] == "http.response.body"
    assert app.scope[REQUEST_ID] == "mine-1"
    assert app.context == {"request_id": "mine-1", "service": "things", "caller": None}


async def test_each_request_without_an_id_gets_one_of_its_own() -> None:
    ids = [(await ask(App()))[0]["headers"][-1] for _ in range(2)]
    assert len(set(ids)) == 2
    assert all((name, len(id)) == (b"x-request-id", 32) for name, id in ids)


async def test_a_request_is_logged_with_its_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "time", Clock(7.0, 7.25678))
    with capture_logs() as lines:
        await ask(App(status=404))
    (line,) = lines
    assert line == {
        "ms": 256.8,
        "event": "request",
        "log_level": "info",
        "method": "PUT",
        "path": "/v1/things",
        "status": 404,
    }


async def test_a_request_that_fails_is_logged_as_an_error_of_the_server() -> None:
    with capture_logs() as lines, pytest.raises(RuntimeError):
        await ask(App(error=RuntimeError("gone")))
    assert [it["status"] for it in lines] == [500]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/things/health/ready"])
async def test_health_checks_are_not_logged(path: str) -> None:
    with capture_logs() as lines:
        await ask(App(), path)
    assert lines == []


async def test_lifespan_events_pass_unchanged() -> None:
    passed: list[object] = []

    async def app(*arguments: object) -> None:
        passed.extend(arguments)

    given: tuple[Any, ...] = ({"type": "lifespan"}, object(), object())
    with capture_logs() as lines:
        await RequestLog(app, "things")(*given)
    assert (*passed,) == given
    assert (given[0], lines) == ({"type": "lifespan"}, [])
