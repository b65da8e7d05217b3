"""Each line is a JSON object with the id of the request that caused it."""

from __future__ import annotations

import json

import pytest
import structlog

from services.common import logs
from services.common.telemetry import RequestLog
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import settings_for

SETTINGS = settings_for(dict.fromkeys(SERVICES, "nowhere"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/v1/things", ["something happened", "request"]), ("/health/live", ["something happened"])],
)
async def test_the_access_log_follows_the_request_id(
    path: str, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(SETTINGS)

    async def app(scope: object, receive: object, send: object) -> None:
        structlog.get_logger().info("something happened")

    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"x-request-id", b"r-1")]}
    await RequestLog(app, "catalog")(scope, None, None)  # type: ignore[arg-type]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == expected
    assert {(line["request_id"], line["service"]) for line in lines} == {("r-1", "catalog")}
