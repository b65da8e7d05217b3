"""The OpenAPI documents of the services as one, with the addresses and the credentials of callers from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import httpx2
import structlog
from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from services.common.config import PROJECT
from services.common.errors import SCHEMAS, problem_schemas, problems

log = structlog.get_logger()

Document = dict[str, Any]

WITHIN_S = 2.0


class Description:
    """What the services say of themselves; one that is away is described as it was."""

    def __init__(
        self, clients: Mapping[str, httpx2.AsyncClient], identify: Callable[..., Any]
    ) -> None:
        self.clients = clients
        self.schemes = _schemes(identify)
        self.known: dict[str, Document] = {}

    async def document(self) -> Document:
        """Ask all services, and put together what they answer."""
        answers = await asyncio.gather(*map(self._ask, self.clients))
        away = [name for name, answered in zip(self.clients, answers, strict=True) if not answered]
        whole: Document = {
            "openapi": "3.1.0",
            "info": {"title": PROJECT, "version": metadata.version(PROJECT)},
            "paths": {},
            "components": {"schemas": problem_schemas(), "securitySchemes": self.schemes},
        }
        if away:
            whole["info"]["description"] = f"Away at the moment: {', '.join(away)}."
        for name, document in self.known.items():
            part = self._part(name, document)
            whole["paths"] |= part["paths"]
            whole["components"]["schemas"] |= part["schemas"]
        return whole

    async def _ask(self, service: str) -> bool:
        """Whether a service describes itself now."""
        try:
            answer = await self.clients[service].get("/openapi.json", timeout=WITHIN_S)
            self.known[service] = answer.raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as error:
            log.warning("no description", service=service, error=repr(error))
            return False
        return True

    def _part(self, service: str, document: Document) -> Document:
        """The paths and schemas of a service, under names that no other one uses."""
        renamed = _renamed(document, service)
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
        """An operation as it is reached from outside."""
        own = {str(status): told for status, told in problems(429, 502, 504).items()}
        return operation | {
            "operationId": f"{service}_{operation['operationId']}",
            "tags": [service],
            "security": [{scheme: []} for scheme in self.schemes],
            "responses": operation["responses"] | own,
        }


def _renamed(value: Any, service: str) -> Any:
    """The same with the name of the service before that of each schema that is referred to."""
    if isinstance(value, dict):
        return {key: _renamed(it, service) for key, it in value.items()}
    if isinstance(value, list):
        return [_renamed(it, service) for it in value]
    if isinstance(value, str) and value.startswith(SCHEMAS):
        return f"{SCHEMAS}{service}_{value.removeprefix(SCHEMAS)}"
    return value


def _schemes(identify: Callable[..., Any]) -> Document:
    """How callers prove who they are, as OpenAPI says it."""
    router = APIRouter()
    router.add_api_route("/", identify)
    document = get_openapi(title="", version="", routes=router.routes)
    schemes: Document = document.get("components", {}).get("securitySchemes", {})
    return schemes
