"""Every service describes its API: who may call, and which problems it answers with."""

from __future__ import annotations

import json
import re
from importlib import metadata

import pytest
from fastapi.security import APIKeyHeader, HTTPBearer

from services.common.api.security import scheme, service_scheme
from services.common.auth import service_identity
from services.common.auth.callers import BearerCredential, HeaderCredential
from services.common.auth.roles import Role
from services.common.config import PROJECT
from services.common.models import FieldError, Problem
from tests.fixtures.facts import ENTITIES, OPERATIONS, SERVICES
from tests.fixtures.system import System

each_service = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture(autouse=True)
def made_anew(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let descriptions be made for each test, as if it were the first to ask."""
    for app in system.apps.values():
        monkeypatch.setattr(app, "openapi_schema", None)


@each_service
async def test_a_service_names_itself_and_its_version(system: System, service: str) -> None:
    told = system.apps[service].openapi()["info"]
    assert (told["title"], told["version"]) == (service, metadata.version(PROJECT))
    assert told["summary"]


@each_service
async def test_a_description_is_whole(system: System, service: str) -> None:
    """It describes problems, and whatever it refers to."""
    described = system.apps[service].openapi()
    schemas = described["components"]["schemas"]
    for model in (Problem, FieldError):
        assert schemas[model.__name__]["properties"].keys() == model.model_fields.keys()
    referred = re.findall('"#/components/schemas/([^"]+)"', json.dumps(described))
    assert {"Problem", "FieldError"} <= set(referred) <= schemas.keys()


@each_service
async def test_every_operation_of_an_api_tells_how_callers_prove_who_they_are(
    system: System, service: str
) -> None:
    described = system.apps[service].openapi()
    schemes = described["components"].get("securitySchemes", {})
    operations = [
        described["paths"][it.path][it.method.lower()]
        for it in OPERATIONS
        if ENTITIES[it.entity].service == service and it.access != "anyone"
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
        name = service_identity.CREDENTIAL.name
        assert {"type": "apiKey", "in": "header", "name": name} in schemes.values()


@each_service
async def test_an_operation_names_the_roles_of_which_its_callers_need_one(
    system: System, service: str
) -> None:
    described = system.apps[service].openapi()["paths"]
    for it in OPERATIONS:
        if ENTITIES[it.entity].service == service and it.access == "callers":
            operation = described[it.path][it.method.lower()]
            roles = sorted(it.allowed) if {*it.allowed} <= {*Role} else []
            assert all(named == roles for way in operation["security"] for named in way.values())


@each_service
async def test_health_checks_need_no_credentials(system: System, service: str) -> None:
    described = system.apps[service].openapi()["paths"]
    assert "security" not in described["/health/ready"]["get"]
    assert described["/health/ready"]["get"]["tags"] == ["health"]
    assert "503" in described["/health/ready"]["get"]["responses"]


def test_a_token_is_described_as_a_bearer_token() -> None:
    token = scheme(BearerCredential("JWT"))
    assert isinstance(token, HTTPBearer)
    assert (token.scheme_name, token.model.bearerFormat) == ("token", "JWT")  # type: ignore[attr-defined]
    assert token.auto_error is False


def test_a_key_of_its_own_is_described_as_an_api_key() -> None:
    key = scheme(HeaderCredential("X-Other-Key"))
    assert isinstance(key, APIKeyHeader)
    assert (key.model.name, key.auto_error) == ("X-Other-Key", False)


def test_what_services_prove_themselves_by_and_what_is_not_documented_add_no_scheme() -> None:
    assert scheme(service_identity.CREDENTIAL) is service_scheme
    assert scheme(HeaderCredential("X-Caller", documented=False)) is service_scheme
