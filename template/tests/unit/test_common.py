"""Ids and rules: the small parts of `services/common`."""

from __future__ import annotations

import asyncio
import sys
import time
from types import ModuleType
from typing import Any

import pytest

from services.common import utils
from services.common.rules import Rules
from services.common.utils import new_id


def test_ids_sort_by_the_time_of_their_making() -> None:
    first = new_id()
    time.sleep(0.002)
    second = new_id()
    assert first < second
    assert (second.version, second.variant) == (7, "specified in RFC 4122")


async def test_what_goes_on_in_the_background_stops_although_a_cancellation_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(utils, "CANCELLED_AGAIN_S", 0.01)
    lost = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            lost.set()
        await asyncio.sleep(60)

    async with asyncio.timeout(10), utils.in_background(work()):
        await asyncio.sleep(0)
    assert lost.is_set()


def module_with(monkeypatch: pytest.MonkeyPatch, **functions: Any) -> str:
    """Make an owned module that exists for one test."""
    module = ModuleType("owned_for_a_test")
    vars(module).update(functions)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.__name__


async def test_an_absent_module_changes_nothing() -> None:
    assert await Rules("services.common.nothing", "creating").apply("creating", 1, draft=2) == 1


async def test_an_empty_module_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = Rules(module_with(monkeypatch), "creating")
    assert await rules.apply("creating", 1, draft=2) == 1


async def test_a_rule_gets_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    async def creating(draft: int, related: int) -> int:
        return draft + related

    rules = Rules(module_with(monkeypatch, creating=creating), "creating")
    assert await rules.apply("creating", 0, draft=1, related=2, current=3) == 3


async def test_a_rule_that_names_what_is_not_there_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def creating(weather: str) -> None: ...

    rules = Rules(module_with(monkeypatch, creating=creating), "creating")
    with pytest.raises(TypeError, match="wants weather; it can have draft"):
        await rules.apply("creating", 0, draft=1)


def test_a_rule_must_be_async(monkeypatch: pytest.MonkeyPatch) -> None:
    name = module_with(monkeypatch, creating=lambda draft: draft)
    with pytest.raises(TypeError, match="must be an async function"):
        Rules(name, "creating")
