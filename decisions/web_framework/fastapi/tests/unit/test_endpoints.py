"""What a component answers is sent as it is, and stands in no API description."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from http import HTTPStatus

import httpx2

from services.common.api.app import create_app
from services.common.api.endpoint import Endpoint, EndpointRequest, EndpointResponse
from services.common.runtime import Runtime
from tests.fixtures.application import definition, lifespan
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import System


class Echo:
    """Answers what it is told."""

    def endpoints(self) -> Sequence[Endpoint]:
        return [Endpoint("PUT", "/echo", self.answer)]

    async def answer(self, request: EndpointRequest) -> EndpointResponse:
        told = f"{request.runtime.service} {request.headers['x-own']} ".encode() + request.body
        return EndpointResponse(HTTPStatus.ACCEPTED, told, "text/x-echo")

    def lifespan(self, runtime: Runtime) -> AbstractAsyncContextManager[None]:
        return nullcontext()


async def test_a_component_is_given_the_request_and_its_response_is_sent(system: System) -> None:
    name = SERVICES[0]
    service = replace(definition(name), summary="echoes", resources=(), components=[Echo()])
    app = create_app(service, public=[], settings=system.apps[name].state.settings)
    async with lifespan(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.put("/echo", content=b"body", headers={"X-Own": "1"})
    assert (answer.status_code, answer.text) == (202, f"{name} 1 body")
    assert answer.headers["content-type"].startswith("text/x-echo")
    assert app.openapi()["paths"].keys() == {"/health/live", "/health/ready"}
    assert app.openapi()["info"]["summary"] == "echoes"
