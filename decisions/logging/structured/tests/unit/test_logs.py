"""Log lines are JSON objects with the id of the request that caused them."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta

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
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == expected
    assert {(line["request_id"], line["service"]) for line in lines} == {("r-1", "catalog")}


def test_lines_of_libraries_have_the_same_format(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(SETTINGS)
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger().warning("own_event")
        try:
            raise ValueError("the cause")
        except ValueError:
            logging.getLogger("library").exception("it failed")
    own, library = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (own["event"], own["level"]) == ("own_event", "warning")
    assert (library["event"], library["level"]) == ("it failed", "error")
    assert library["logger"] == "library"
    assert library["exception"].endswith("ValueError: the cause")
    assert library.keys() - own.keys() == {"logger", "exception"}
    for line in (own, library):
        assert line["request_id"] == "r-1"
        age = datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])
        assert timedelta() <= age < timedelta(minutes=1)


def test_events_below_the_log_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(SETTINGS.model_copy(update={"log_level": "ERROR"}))
    structlog.get_logger().warning("own_event")
    logging.getLogger("library").warning("it happened")
    logs.configure(SETTINGS)
    logging.getLogger("httpx2").info("a request that the other side logs")
    assert capsys.readouterr().out == ""
    logging.getLogger("httpx2").warning("it failed")
    logging.getLogger("library").info("it happened")
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_people_can_have_text(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(SETTINGS.model_copy(update={"log_format": "text"}))
    structlog.get_logger().info("own_event", place="here")
    (line,) = capsys.readouterr().out.splitlines()
    logs.configure(SETTINGS)
    assert "own_event" in line and "place='here'" in line
    assert "\x1b" not in line  # standard output is no terminal


def test_no_control_character_reaches_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(SETTINGS.model_copy(update={"log_format": "text"}))
    sent = "/v1/x\x1b]0;owned\x07\n2026-03-01 [info] paid \x9b31m\u202e"
    structlog.get_logger().info("request", path=sent, several=[sent], stack=sent)
    try:
        raise ValueError(sent)
    except ValueError:
        logging.getLogger("library").exception("it failed for %s", sent)
    written = capsys.readouterr().out
    logs.configure(SETTINGS)
    assert written.count(r"\x1b]0;owned\x07") >= 5
    assert not {it for it in written if not it.isprintable()} - {"\n"}
    assert not [it for it in written.splitlines()[:2] if it.startswith("2026-03-01 [info] paid")]


def test_libraries_log_nothing_below_info(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(SETTINGS.model_copy(update={"log_level": "DEBUG"}))
    structlog.get_logger().debug("own_event")
    logging.getLogger("driver").debug("a statement, with its values")
    out = capsys.readouterr().out
    assert "own_event" in out
    assert "statement" not in out
