"""Calls to other services and to the APIs of others: each has a time limit, and a failure is told as what it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar
from uuid import UUID

import httpx2
import structlog
from pydantic import ValidationError

from services.common import tracing
from services.common.breaker import Breaker
from services.common.errors import Away, Transient
from services.common.models import View
from services.common.retries import retried
from services.common.versions import PREFIX, WANTED

ViewT = TypeVar("ViewT", bound=View)
ResultT = TypeVar("ResultT")

log = structlog.get_logger()

HARMFUL_TWICE = {"POST", "PATCH"}
"""Methods whose requests may do something each time they are sent (RFC 9110, section 9.2.2)."""
IDEMPOTENCY_KEY = "Idempotency-Key"
"""The header by which whoever gets a request twice knows that it is one."""


class Rejected(Exception):
    """The other side understood the call and refuses it."""

    def __init__(self, name: str, response: httpx2.Response) -> None:
        super().__init__(f"{name} answered {response.status_code}: {response.text[:300]}")
        self.status = response.status_code


class Memory(Protocol):
    """What a lookup of a record at a neighbour passes through."""

    async def __call__(
        self, path: str, view: type[ViewT], ask: Callable[[], Awaitable[ViewT | None]]
    ) -> ViewT | None:
        """The record at a path, or `None` if there is none; `ask` asks the neighbour for it.

        Raises:
            Away: The neighbour does not answer, and nothing stands in for it.
        """


async def no_memory(
    path: str, view: type[ViewT], ask: Callable[[], Awaitable[ViewT | None]]
) -> ViewT | None:
    """What the neighbour says now, and nothing else."""
    return await ask()


class Client:
    """The way to one other service, or to one API of somebody else."""

    def __init__(
        self,
        name: str,
        http: httpx2.AsyncClient,
        timeout_s: float,
        place: Callable[[], AbstractContextManager[None]] = nullcontext,
        memory: Memory = no_memory,
    ) -> None:
        self.name = name
        self.http = http
        self.timeout_s = timeout_s
        self.place = place
        """What a call holds while it is under way."""
        self.memory = memory
        self.breaker = Breaker(name)

    async def find(self, collection: str, id: UUID, view: type[ViewT]) -> ViewT | None:
        """Read a record of the other service; `None` if it has none with this id.

        Raises:
            Away: The service cannot be reached, or does not answer sensibly in time.
        """
        path = f"{PREFIX}/{collection}/{id}"
        return await self.memory(path, view, lambda: self._ask(path, view))

    async def _ask(self, path: str, view: type[ViewT]) -> ViewT | None:
        try:
            response = await self.request("GET", path, headers=WANTED, accept={404})
            if response.status_code == 404:
                return None
            return view.model_validate_json(response.content)
        except (Rejected, ValidationError) as error:
            log.error("answer not understood", service=self.name, error=str(error))
            raise Away(f"{self.name} answered what is not a {view.__name__}.") from error

    async def request(
        self, method: str, path: str, *, accept: Container[int] = (), **options: Any
    ) -> httpx2.Response:
        """Send a request, and repeat it where that does no harm: a POST or PATCH only with an `Idempotency-Key`.

        Raises:
            Away: No usable answer within the time-out, or no place for another call.
            Rejected: A 4xx answer that is not in `accept`.
        """
        headers = _request_id() | options.pop("headers", {})
        limit = options.setdefault("timeout", self.timeout_s)
        repeatable = method not in HARMFUL_TWICE or IDEMPOTENCY_KEY in httpx2.Headers(headers)

        async def attempt() -> httpx2.Response:
            try:
                response = await self.http.request(method, path, headers=headers, **options)
            except httpx2.RequestError as error:
                raise Transient(repr(error)) from error
            if response.status_code >= 500 or response.status_code in {401, 403, 408, 425, 429}:
                raise Transient(f"{self.name} answered {response.status_code}")
            return response

        with self.place(), tracing.calling(self.name, method) as trace:
            headers |= trace
            response = await call(self.breaker, attempt, timeout_s=limit, repeatable=repeatable)
        if response.is_success or response.status_code in accept:
            return response
        raise Rejected(self.name, response)


def _request_id() -> dict[str, str]:
    """The id of the request being served, so that the logs of both sides can be joined."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return {"X-Request-ID": request_id} if request_id else {}


async def call(
    breaker: Breaker,
    attempt: Callable[[], Awaitable[ResultT]],
    *,
    timeout_s: float,
    repeatable: bool = True,
) -> ResultT:
    """Try until it works, as often as is worth it and for `timeout_s` seconds in all; once if not repeatable.

    Raises:
        Away: It did not work in time, or is not tried now.
    """
    breaker.before_call()
    try:
        async with asyncio.timeout(timeout_s):
            result = await (retried(attempt) if repeatable else attempt())
    except (Transient, TimeoutError) as error:
        breaker.failed()
        raise Away(f"{breaker.name} is not available.") from error
    breaker.succeeded()
    return result
