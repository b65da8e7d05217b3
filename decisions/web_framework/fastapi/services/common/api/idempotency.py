"""The `Idempotency-Key` of a request: a route that takes it as a dependency may be repeated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated
from uuid import UUID, uuid5

from fastapi import Depends, FastAPI, Header, Request, Response

from services.common.api.dependencies import RuntimeDep
from services.common.api.responses import headers_of_new
from services.common.api.security import identify_caller
from services.common.auth.callers import Caller
from services.common.errors import ServiceError
from services.common.idempotency import NO_KEY, AnsweredBefore, KeyInUse, RequestKey
from services.common.runtime import Runtime

NAMESPACE = UUID("3c6b0f8e-2f39-5d0c-8a55-7f0d4c1b9e12")
"""The namespace of the ids of keys."""

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="A new one for each change; a request that is repeated with it changes nothing again.",
    ),
]


async def get_key(
    request: Request,
    caller: Annotated[Caller, Depends(identify_caller)],
    runtime: RuntimeDep,
    header: KeyHeader = None,
) -> AsyncIterator[RequestKey]:
    """The key of a request, in use until the request is answered.

    Raises:
        AnsweredBefore: The request was answered before.
        KeyInUse: A request with the same key is being answered.
        KeyReused: Another request had the key.
    """
    if header is None:
        yield NO_KEY
        return
    id = uuid5(NAMESPACE, f"{caller.is_service}\n{caller.name}\n{header}")
    key = RequestKey(
        id,
        await _fingerprint(request),
        timedelta(hours=request.app.state.settings.idempotency_keys_h),
        request.scope["route"].status_code or HTTPStatus.OK,
        partial(headers_of_new, request.url.path),
    )
    if id in runtime.keys_in_use:
        raise KeyInUse("A request with this Idempotency-Key is being answered.")
    runtime.keys_in_use.add(id)
    try:
        await _check(key, runtime)
        yield key
    except ServiceError:
        # It may be refused because of what the same request has done meanwhile, in another process.
        await _check(key, runtime)
        raise
    finally:
        runtime.keys_in_use.remove(id)


IdempotencyKey = Annotated[RequestKey, Depends(get_key, scope="function")]


async def _check(key: RequestKey, runtime: Runtime) -> None:
    async with runtime.database.read() as connection:
        await key.check(connection)


async def _fingerprint(request: Request) -> str:
    target = f"{request.method} {request.url.path}?{request.url.query}\n"
    return sha256(target.encode() + await request.body()).hexdigest()


def install(app: FastAPI) -> None:
    """Give repeated requests the answer that the first one was given."""

    @app.exception_handler(AnsweredBefore)
    async def answered_before(request: Request, error: AnsweredBefore) -> Response:
        it = error.answer
        return Response(it.body, it.status, it.headers, media_type="application/json")
