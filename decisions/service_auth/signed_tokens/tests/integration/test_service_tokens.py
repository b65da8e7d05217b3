"""What is for services is closed to whoever has another key, or a token for another service."""

from __future__ import annotations

import httpx2
import pytest
import structlog
from pydantic import SecretStr

from services.common.auth import identification, service_identity
from services.common.errors import Unauthorized
from scripts.service_keys import create_key
from tests.fixtures.adaptations import OUTSIDER
from tests.fixtures.facts import ENTITIES, OPERATIONS, SERVICES
from tests.fixtures.system import NO_SUCH_ID, System


@pytest.mark.parametrize("service", SERVICES)
async def test_nobody_passes_for_a_service(system: System, service: str) -> None:
    own = system.runtime(service).settings
    strange = own.model_copy(update={"service_private_key": SecretStr(create_key())})
    operations = [it for it in OPERATIONS if ENTITIES[it.entity].service == service]
    for settings, receiver in ((strange, service), (own, "another")):
        headers = service_identity.headers_for(SERVICES[-1], receiver, settings)
        async with system.client(service, headers) as client:
            events = await client.post("/internal/events", json={})
            assert events.status_code in (401, 404)
            for it in (it for it in operations if it.access != "anyone"):
                answer = await client.request(it.method, it.path.replace("{id}", NO_SUCH_ID))
                assert answer.status_code == 401
                assert answer.headers["WWW-Authenticate"] == service_identity.CHALLENGE


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_passes_for_no_caller_from_outside(system: System, service: str) -> None:
    settings = system.runtime(service).settings
    proof = service_identity.headers_for("another", service, settings)
    headers = httpx2.Headers(system.headers_of(OUTSIDER, service) | proof)
    with structlog.contextvars.bound_contextvars(caller=None):
        try:
            caller = await identification.identify(headers, service, settings)
        except Unauthorized as error:
            assert str(error) == "another speaks for itself alone."
        else:
            assert (caller.name, caller.is_service) == ("another", True)
