"""Log lines are plain text with the id of the request that caused them, and callers cannot forge any."""

from __future__ import annotations

import logging

import pytest
import structlog

from services.common.observability import logs
from services.common.observability.request_log import RequestLog
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import settings_for

SETTINGS = settings_for(dict.fromkeys(SERVICES, "nowhere"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/v1/things", ["something_happened", "request"]), ("/health/live", ["something_happened"])],
)
async def test_all_lines_of_a_request_have_its_id(
    path: str, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(SETTINGS)

    async def app(scope: object, receive: object, send: object) -> None:
        structlog.get_logger().info("something_happened")

    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"x-request-id", b"r-1")]}
    await RequestLog(app, "catalog")(scope, None, None)  # type: ignore[arg-type]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(expected)
    for line, event in zip(lines, expected, strict=True):
        assert f" {event} " in line
        assert "request_id='r-1'" in line


def test_callers_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(SETTINGS)
    structlog.get_logger().info("request", path="/v1/x\n2026-03-01 [info] paid\x1b[31m")
    (line,) = capsys.readouterr().out.splitlines()
    assert r"\n2026-03-01" in line
    assert "\x1b" not in line


def test_lines_of_libraries_have_the_same_format_with_tracebacks_as_plain_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure(SETTINGS)
    try:
        raise ValueError("the cause")
    except ValueError:
        logging.getLogger("library").exception("it failed")
    first, *rest = capsys.readouterr().out.splitlines()
    assert "[error" in first and "it failed" in first and "library" in first
    assert rest[-1] == "ValueError: the cause"


def test_no_control_character_reaches_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(SETTINGS)
    sent = "/v1/x\x1b]0;owned\x07 \x9b31m\u202e"
    try:
        raise ValueError(sent)
    except ValueError:
        logging.getLogger("library").exception("it failed for %s", sent)
    structlog.get_logger().info("request", several=[sent])
    written = capsys.readouterr().out
    assert written.count(r"\x1b]0;owned\x07") >= 3
    assert not {it for it in written if not it.isprintable()} - {"\n"}


def test_libraries_log_nothing_below_info(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(SETTINGS.model_copy(update={"log_level": "DEBUG"}))
    structlog.get_logger().debug("own_event")
    logging.getLogger("driver").debug("a statement, with its values")
    out = capsys.readouterr().out
    assert "own_event" in out
    assert "statement" not in out
