"""The cached responses of other services, used while one is unavailable. Kept in memory only."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from services.common.errors import ServiceUnavailable
from services.common.models import View

ViewT = TypeVar("ViewT", bound=View)

log = structlog.get_logger()


@dataclass(frozen=True)
class CachedResponse:
    """The response of a service about one record."""

    view: View | None
    """None where there was no such record."""
    asked_at: float
    """When the request was sent, in seconds of the clock: the response may be as old as that."""


class ResponseCache:
    """The last responses of one service; the least recently used one is dropped first."""

    def __init__(
        self,
        name: str,
        max_records: int,
        max_age_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.max_records = max_records
        self.max_age_s = max_age_s
        self.clock = clock
        self.responses: OrderedDict[str, CachedResponse] = OrderedDict()
        """By path."""

    async def __call__(
        self, path: str, view: type[ViewT], fetch: Callable[[], Awaitable[ViewT | None]]
    ) -> ViewT | None:
        """Fetch a record; while the service is unavailable, give its last response.

        Raises:
            ServiceUnavailable: It is unavailable, and its last response is unknown, too old, or was that there is no such record.
        """
        asked_at = self.clock()
        try:
            found = await fetch()
        except ServiceUnavailable:
            known = self.recall(path, view)
            if known is None:
                raise
            return known
        self.remember(path, found, asked_at)
        return found

    def remember(self, path: str, found: View | None, asked_at: float) -> None:
        """Keep a response, unless the one to a later request came first."""
        before = self.responses.get(path)
        if before and before.asked_at > asked_at:
            return
        self.responses[path] = CachedResponse(found and found.model_copy(deep=True), asked_at)
        # That there is no such record is kept only where there is room, so that it displaces none.
        self.responses.move_to_end(path, last=found is not None)
        if len(self.responses) > self.max_records:
            self.responses.popitem(last=False)

    def recall(self, path: str, view: type[ViewT]) -> ViewT | None:
        """The last response about a record, if it is recent enough and was read as this type."""
        response = self.responses.get(path)
        if response is None or not isinstance(response.view, view):
            return None
        age_s = self.clock() - response.asked_at
        if age_s > self.max_age_s:
            del self.responses[path]
            return None
        self.responses.move_to_end(path)
        log.warning("cached_response_used", dependency=self.name, path=path, age_s=round(age_s, 1))
        # A copy, as above: the caller may change a list in it.
        return response.view.model_copy(deep=True)
