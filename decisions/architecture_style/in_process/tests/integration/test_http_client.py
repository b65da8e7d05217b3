"""Services in one process call each other without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.api import app as app_module
from services.common.clients.http_client import open_client
from services.main import app
from tests.fixtures.databases import databases
from tests.fixtures.facts import DATABASES, SERVICES
from tests.fixtures.system import settings_for


async def test_a_call_to_another_service_needs_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with databases(DATABASES, tmp_path) as urls:
        monkeypatch.setattr(app_module, "load_settings", lambda: settings_for(urls))
        async with app.router.lifespan_context(app):
            for name in SERVICES:
                async with open_client(name, "http://unused") as client:
                    assert (await client.get("/health/live")).json() == {"status": "live"}
