"""What pytest does differently in a project that mutmut has changed: this is copied into it and runs there.

mutmut tries a mutant with the tests that were seen to reach it. What runs before the first test, or once for all of
them, would be taken for reached by the first alone.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from mutmut.mutation.trampoline import get_mutant_under_test
from mutmut.state import state

AT_IMPORT: set[str] = set()
"""The functions that run when modules are loaded: every test depends on them."""
AT_START: set[str] = set()
"""Those that run when the services start: every test that uses the services depends on them."""
DURATIONS = Path("mutmut-stats.json")
FAILURES = Path("failures.txt")
"""What fails without any mutant."""

with suppress(ImportError):  # not every project retries
    import stamina

    # The random part of pauses takes longer than all else that a suite does.
    stamina.retry_context = partial(stamina.retry_context, wait_jitter=0.01)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let quick tests go first: most mutants are killed by any test."""
    if DURATIONS.exists():
        seconds: dict[str, float] = json.loads(DURATIONS.read_text("utf-8"))["duration_by_test"]
        items.sort(key=lambda item: seconds.get(item.nodeid, 0))


def pytest_collection_finish() -> None:
    AT_IMPORT.update(state()._stats)
    if AT_IMPORT:
        Path("at-import.txt").write_text("\n".join(sorted(AT_IMPORT)), "utf-8")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed and get_mutant_under_test() in ("", "stats"):
        with FAILURES.open("a", encoding="utf-8") as file:
            file.write(f"{report.nodeid}\n{report.longreprtext}\n")


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
    before = set(state()._stats)
    value = yield
    if fixturedef.argname == "system":
        AT_START.update(state()._stats - before)
    return value


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    state()._stats.update(AT_IMPORT)
    if "system" in getattr(item, "fixturenames", ()):
        state()._stats.update(AT_START)
