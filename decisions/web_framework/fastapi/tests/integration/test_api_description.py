"""Every service describes its API: who may call, and which problems it answers with."""

from __future__ import annotations

import json
import re
from importlib import metadata

import pytest

from services.common.auth.callers import SERVICE_KEY_HEADER
from services.common.config import PROJECT
from services.common.models import FieldError, Problem
from tests.fixtures.facts import ENTITIES, OPERATIONS, SERVICES
from tests.fixtures.system import System

pytestmark = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture(autouse=True)
def made_anew(system: System, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the description be made for each test, as if it were the first to ask."""
    monkeypatch.setattr(system.apps[service], "openapi_schema", None)


async def test_a_service_names_itself_and_its_version(system: System, service: str) -> None:
    told = system.apps[service].openapi()["info"]
    assert (told["title"], told["version"]) == (service, metadata.version(PROJECT))
    assert told["summary"]


async def test_a_description_is_whole(system: System, service: str) -> None:
    """It describes problems, and whatever it refers to."""
    described = system.apps[service].openapi()
    schemas = described["components"]["schemas"]
    for model in (Problem, FieldError):
        assert schemas[model.__name__]["properties"].keys() == model.model_fields.keys()
    referred = re.findall('"#/components/schemas/([^"]+)"', json.dumps(described))
    assert {"Problem", "FieldError"} <= set(referred) <= schemas.keys()


async def test_every_operation_of_an_api_tells_how_callers_prove_who_they_are(
    system: System, service: str
) -> None:
    described = system.apps[service].openapi()
    schemes = described["components"].get("securitySchemes", {})
    operations = [
        described["paths"][it.path][it.method.lower()]
        for it in OPERATIONS
        if ENTITIES[it.entity].service == service
    ]
    for operation in operations:
        named = {name for way in operation["security"] for name in way}
        assert named and named <= schemes.keys()
        problem = operation["responses"]["401"]
        assert problem["description"] == "Unauthorized"
        schema = {"$ref": "#/components/schemas/Problem"}
        assert problem["content"] == {"application/problem+json": {"schema": schema}}
        assert operation["responses"]["422"]["description"] == "Unprocessable Content"
    if operations:
        assert {"type": "apiKey", "in": "header", "name": SERVICE_KEY_HEADER} in schemes.values()


async def test_health_checks_need_no_credentials(system: System, service: str) -> None:
    described = system.apps[service].openapi()["paths"]
    assert "security" not in described["/health/ready"]["get"]
    assert described["/health/ready"]["get"]["tags"] == ["health"]
    assert "503" in described["/health/ready"]["get"]["responses"]
