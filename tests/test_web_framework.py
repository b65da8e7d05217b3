"""The web framework is an option like any other: one folder knows it, and a second one needs no more than a folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from copies import Generate, clone_template, commit
from projects import REPOSITORY, run

KNOWS_FASTAPI = ("decisions/web_framework/", "decisions/topology/gateway/")
"""The folders whose sources may import it: its own, and that of the gateway, which is a separate program."""

PRODUCT = {
    "project_name": "Notes",
    "concept": "Notes are kept.",
    "web_framework": "starlette",
    "services": [{"name": "notes", "responsibility": "keeps them"}],
    "data_entities": ["notes.Note(title: str)"],
    "storage_kind": "sqlite",
    "architecture_style": "services",
}

OPTION = """
  starlette:
    label: Starlette
    because: It is small.
    cost: Checking requests is left to the routes.
    rejected: checking requests would be left to the routes
    confirmed_by: A test lists records.
    drivers: {personal: -9}
    provides: [asgi]
    footprint:
      dependencies:
        pydantic==2.14.3: models that check what comes in and shape what goes out
        starlette==1.10.0: the web framework
        uvicorn==0.54.0: the server
"""

FILES = {
    "services/common/api/app.py": '''"""The Starlette application of a service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain

from starlette.applications import Starlette
from starlette.routing import Route

from services.common.api import health
from services.common.base import ServiceDefinition
from services.common.config import Settings, load_settings


def create_app(
    service: ServiceDefinition,
    *routers: Sequence[Route],
    public: Sequence[Sequence[Route]],
    settings: Settings | None = None,
) -> Starlette:
    """Create the application; without `settings`, it loads them when it starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.settings = settings or load_settings()
        async with service.lifespan(app.state.settings) as app.state.runtime:
            yield

    return Starlette(routes=[*chain(*routers, *public), health.route], lifespan=lifespan)
''',
    "services/common/api/health.py": '''"""Health checks."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def live(request: Request) -> JSONResponse:
    """Report that the process runs."""
    return JSONResponse({"status": "live"})


route = Route("/health/live", live)
''',
    "services/common/api/loopback_only.py": '''"""Requests from elsewhere, while settings are unsafe."""

from __future__ import annotations

from starlette.responses import JSONResponse

from services.common.api.asgi import ASGIApp, Receive, Scope, Send


class LoopbackOnly:
    """Refuse requests that a proxy forwards."""

    def __init__(self, app: ASGIApp, unsafe: str) -> None:
        self.app = app
        self.unsafe = unsafe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not any(name == b"forwarded" for name, _ in scope["headers"]):
            return await self.app(scope, receive, send)
        await JSONResponse({"detail": self.unsafe}, 503)(scope, receive, send)
''',
    "services/{service}/api.py.jinja": '''"""The HTTP API of {{ service.name }}."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.auth.callers import SERVICE_CALLER
{{ service.imports.service_classes }}
{% for entity in service.entities %}
{% for operation in entity.operations if operation.kind == "list" %}


async def {{ operation.id }}(request: Request) -> Response:
    """{{ operation.summary }}"""
    page = await {{ entity.service_class }}(request.app.state.runtime, SERVICE_CALLER).{{ operation.handler }}(None, 50)
    return Response(page.model_dump_json(), media_type="application/json")
{% endfor %}
{% endfor %}


router = [
{% for entity in service.entities %}
{% for operation in entity.operations if operation.kind == "list" %}
    Route("{{ operation.path }}", {{ operation.id }}, methods=["{{ operation.method }}"]),
{% endfor %}
{% endfor %}
]
''',
    "services/{service}/routes.py.jinja": '''"""Further routes. This file is yours: updates leave it alone."""

from __future__ import annotations

from starlette.routing import Route

router: list[Route] = []
public: list[Route] = []
''',
    "tests/fixtures/application.py": '''"""The applications of the services, as tests start them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.applications import Starlette

Application = Starlette


def lifespan(app: Application) -> AbstractAsyncContextManager[Any]:
    """Start an application, and stop it at the end of a `with` block."""
    return app.router.lifespan_context(app)
''',
}
"""All that the option is: it answers one kind of operation, and whether it lives."""

LIST = """
import asyncio, httpx2
from scripts.migrate import migrate_all
from services.common.auth.callers import SERVICE_CALLER
from services.notes.main import app
from services.notes.models import NoteDraft
from services.notes.services import NoteService

async def main():
    await migrate_all(["notes"])
    async with app.router.lifespan_context(app):
        await NoteService(app.state.runtime, SERVICE_CALLER).create(NoteDraft(title="milk"))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
            print((await client.get("/v1/notes")).json()["items"][0]["title"])

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def offering(bare_git: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template that offers a second web framework."""
    template = clone_template(tmp_path_factory.mktemp("frameworks") / "groundplan")
    decision = template / "decisions" / "web_framework"
    with (decision / "decision.yml").open("a") as file:
        file.write(OPTION)
    for path, text in FILES.items():
        target = decision / "starlette" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    commit(template, "v1.1.0")
    return template


def test_a_second_web_framework_is_one_folder_and_serves_the_same_services(generate: Generate, offering: Path) -> None:
    project = generate(PRODUCT, offering)
    sources = [it for it in project.rglob("*.py") if ".venv" not in it.parts]
    assert not [it for it in sources if re.search(r"^(from|import) fastapi\b", it.read_text("utf-8"), re.MULTILINE)]
    assert "fastapi" not in (project / "pyproject.toml").read_text("utf-8")
    (project / ".env").write_text((project / ".env.example").read_text("utf-8"), "utf-8")
    run(project, "ruff", "check", "--quiet", ".")
    run(project, "ruff", "format", "--check", "--quiet", ".")
    run(project, "mypy", "services/notes/main.py")
    assert run(project, "python", "-c", LIST).splitlines()[-1] == "milk"


def test_only_the_web_framework_and_the_gateway_import_fastapi() -> None:
    imports = re.compile(r"^\s*(?:from|import) (?:fastapi|starlette)\b", re.MULTILINE)
    folders = ("decisions", "extensions", "template")
    sources = [it for name in folders for it in (REPOSITORY / name).rglob("*") if it.suffix in (".py", ".jinja")]
    found = [it.relative_to(REPOSITORY).as_posix() for it in sources if imports.search(it.read_text("utf-8"))]
    assert found
    assert [it for it in found if not it.startswith(KNOWS_FASTAPI)] == []
