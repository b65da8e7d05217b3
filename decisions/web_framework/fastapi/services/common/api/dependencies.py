"""The dependencies and parameters that routes share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import ParamTypes
from fastapi.routing import APIRoute

from services.common.api.security import caller_of, identify_caller
from services.common.auth.callers import Caller
from services.common.config import Settings
from services.common.entity_service import EntityService
from services.common.runtime import Runtime
from services.common.transaction import Records

ServiceT = TypeVar("ServiceT", bound=EntityService[Any, Any, Any])

After = Annotated[UUID | None, Query(description="The `next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200, description="The most items on the page.")]
ETag = Annotated[str, Header(alias="If-Match", pattern=r'^"[1-9][0-9]{0,8}"$')]


async def get_version(if_match: ETag) -> int:
    """The version that the caller read, from its ETag (RFC 9110, section 13.1.1)."""
    return int(if_match.strip('"'))


Version = Annotated[int, Depends(get_version)]


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not declare; raises `RequestValidationError`.

    A route that takes a model of parameters with `extra="allow"`, itself or by a dependency, takes all.
    """
    route: APIRoute = request.scope["route"]
    if not request.query_params or _takes_all(route.dependant):
        return
    declared = {
        it.alias
        for it in get_flat_params(route.dependant)
        # A field of a model that declares several parameters does not say where it is sent.
        if getattr(it.field_info, "in_", ParamTypes.query) is ParamTypes.query
    }
    unknown = [
        {"type": "extra_forbidden", "loc": ("query", name), "msg": "There is no such parameter"}
        for name in request.query_params
        if name not in declared
    ]
    if unknown:
        raise RequestValidationError(unknown)


def _takes_all(dependant: Dependant) -> bool:
    models = (it.field_info.annotation for it in dependant.query_params)
    takes_extra = any(getattr(it, "model_config", {}).get("extra") == "allow" for it in models)
    return takes_extra or any(map(_takes_all, dependant.dependencies))


async def get_runtime(request: Request) -> Runtime:
    """The runtime of the service that serves the request."""
    runtime: Runtime = request.app.state.runtime
    return runtime


async def get_settings(request: Request) -> Settings:
    """The settings of the process."""
    settings: Settings = request.app.state.settings
    return settings


async def get_records(request: Request) -> Records:
    """The records of the service, changed on behalf of the caller."""
    return Records(await get_runtime(request), caller_of(request))


def provide(service: type[ServiceT]) -> Callable[[Request], Awaitable[ServiceT]]:
    """A dependency that gives a route the service of an entity, on behalf of the caller."""

    async def dependency(request: Request) -> ServiceT:  # async, so that it runs in no thread
        return service(await get_runtime(request), caller_of(request))

    return dependency


CallerDep = Annotated[Caller, Depends(identify_caller)]
RecordsDep = Annotated[Records, Depends(get_records)]
RuntimeDep = Annotated[Runtime, Depends(get_runtime)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
