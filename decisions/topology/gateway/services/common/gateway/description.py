"""The OpenAPI documents of the services as one, with the paths and the security schemes of the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import httpx2
import structlog
from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from services.common.api.problems import SCHEMAS, problem_responses, problem_schemas
from services.common.config import PROJECT

log = structlog.get_logger()

Document = dict[str, Any]

TIMEOUT_S = 2.0


class Description:
    """The descriptions of the services; one that is unavailable is described as it was last."""

    def __init__(
        self, clients: Mapping[str, httpx2.AsyncClient], identify: Callable[..., Any]
    ) -> None:
        self.clients = clients
        self.schemes = _schemes(identify)
        self.known: dict[str, Document] = {}

    async def document(self) -> Document:
        """Ask all services, and merge what they answer."""
        answers = await asyncio.gather(*map(self._ask, self.clients))
        unavailable = [
            name for name, answered in zip(self.clients, answers, strict=True) if not answered
        ]
        whole: Document = {
            "openapi": "3.1.0",
            "info": {"title": PROJECT, "version": metadata.version(PROJECT)},
            "paths": {},
            "components": {"schemas": problem_schemas(), "securitySchemes": self.schemes},
        }
        if unavailable:
            whole["info"]["description"] = f"Unavailable at the moment: {', '.join(unavailable)}."
        for name, document in self.known.items():
            part = self._renamed(name, document)
            whole["paths"] |= part["paths"]
            whole["components"]["schemas"] |= part["schemas"]
        return whole

    async def _ask(self, service: str) -> bool:
        """Whether a service answers with its description."""
        try:
            answer = await self.clients[service].get("/openapi.json", timeout=TIMEOUT_S)
            self.known[service] = answer.raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as error:
            log.warning("description_unavailable", service=service, error=repr(error))
            return False
        return True

    def _renamed(self, service: str, document: Document) -> Document:
        """The paths and schemas of a service, under unique names."""
        renamed = _with_prefixes(document, service)
        paths = {
            f"/{service}{path}": {
                method: self._operation(service, operation)
                for method, operation in operations.items()
            }
            for path, operations in renamed.get("paths", {}).items()
            if not path.startswith("/health/")
        }
        schemas = renamed.get("components", {}).get("schemas", {})
        return {
            "paths": paths,
            "schemas": {f"{service}_{name}": schema for name, schema in schemas.items()},
        }

    def _operation(self, service: str, operation: Document) -> Document:
        """An operation as it is called through the gateway."""
        own = {
            str(status): response for status, response in problem_responses(429, 502, 504).items()
        }
        described = operation | {
            "operationId": f"{service}_{operation['operationId']}",
            "tags": [service],
            "responses": operation["responses"] | own,
        }
        if operation.get("security"):
            described["security"] = [{scheme: []} for scheme in self.schemes]
        return described


def _with_prefixes(value: Any, service: str) -> Any:
    """The same document, with the name of the service as a prefix of each schema reference."""
    if isinstance(value, dict):
        return {key: _with_prefixes(it, service) for key, it in value.items()}
    if isinstance(value, list):
        return [_with_prefixes(it, service) for it in value]
    if isinstance(value, str) and value.startswith(SCHEMAS):
        return f"{SCHEMAS}{service}_{value.removeprefix(SCHEMAS)}"
    return value


def _schemes(identify: Callable[..., Any]) -> Document:
    """The security schemes of callers, as in OpenAPI."""
    router = APIRouter()
    router.add_api_route("/", identify, response_model=None)
    document = get_openapi(title="", version="", routes=router.routes)
    schemes: Document = document.get("components", {}).get("securitySchemes", {})
    return schemes
