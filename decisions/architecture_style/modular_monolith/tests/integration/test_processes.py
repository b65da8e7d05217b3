"""One process serves every service, each under its name."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from services.common.api import app as app_module
from scripts.processes import load_processes
from services.main import app
from tests.fixtures.databases import databases
from tests.fixtures.facts import DATABASES, SERVICES
from tests.fixtures.system import settings_for


def test_one_process_is_listed_with_every_service() -> None:
    (process,) = (it for it in load_processes() if it.services)
    assert process.services == {name: f"/{name}" for name in SERVICES}


async def test_every_service_answers_on_one_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with databases(DATABASES, tmp_path) as urls:
        monkeypatch.setattr(app_module, "load_settings", lambda: settings_for(urls))
        transport = httpx2.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://test") as caller,
        ):
            for name in SERVICES:
                answer = await caller.get(f"/{name}/health/live")
                assert answer.json() == {"status": "live"}
            unknown = await caller.get("/nowhere")
            assert unknown.headers["Content-Type"] == "application/problem+json"
            for path in (*SERVICES, *(f"{name}/health/live/" for name in SERVICES)):
                answer = await caller.get(f"/{path}", headers={"Host": "evil.example"})
                assert (answer.status_code, "Location" in answer.headers) == (404, False)
                assert answer.headers["Cache-Control"] == "no-store"


async def test_each_service_has_the_limits_and_the_path_of_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with databases(DATABASES, tmp_path) as urls:
        settings = settings_for(urls).model_copy(update={"max_body_bytes": 10})
        monkeypatch.setattr(app_module, "load_settings", lambda: settings)
        transport = httpx2.ASGITransport(app, root_path="/shop")
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://test") as caller,
        ):
            for name in SERVICES:
                large = await caller.post(f"/shop/{name}/health/live", content=b"x" * 11)
                assert (large.status_code, large.json()["status"]) == (413, 413)
                assert large.headers.get_list("Cache-Control") == ["no-store"]
                described = (await caller.get(f"/shop/{name}/openapi.json")).json()
                assert described["servers"] == [{"url": f"/shop/{name}"}]
