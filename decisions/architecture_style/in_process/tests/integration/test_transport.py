"""The services find each other in their process, wherever that listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common import base
from services.common.transport import open_client
from services.main import app
from tests.fixtures.databases import databases
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import settings_for


async def test_the_others_call_a_service_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with databases(SERVICES, tmp_path) as urls:
        monkeypatch.setattr(base, "load_settings", lambda: settings_for(urls))
        async with app.router.lifespan_context(app):
            for name in SERVICES:
                async with open_client(name, "http://unused", {}) as client:
                    assert (await client.get("/health/live")).json() == {"status": "live"}
