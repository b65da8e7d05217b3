"""The cached answers of other services, used while one is unavailable. Kept in memory only."""

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
class CachedAnswer:
    """The answer of a service about one record."""

    view: View | None
    """None where there was no such record."""
    asked_at: float
    """When the request was sent, in seconds of the clock: the answer may be as old as that."""


class AnswerCache:
    """The last answers of one service; the least recently used one is dropped first."""

    def __init__(
        self,
        service: str,
        max_records: int,
        max_age_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self.max_records = max_records
        self.max_age_s = max_age_s
        self.clock = clock
        self.answers: OrderedDict[str, CachedAnswer] = OrderedDict()
        """By path."""

    async def __call__(
        self, path: str, view: type[ViewT], fetch: Callable[[], Awaitable[ViewT | None]]
    ) -> ViewT | None:
        """Fetch a record; while the service is unavailable, give its last answer.

        Raises:
            ServiceUnavailable: It is unavailable, and its last answer is unknown, too old, or was that there is none.
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
        """Keep an answer, unless the one to a later request came first."""
        before = self.answers.get(path)
        if before and before.asked_at > asked_at:
            return
        self.answers[path] = CachedAnswer(found and found.model_copy(deep=True), asked_at)
        # That there is no such record is kept only where there is room, so that it displaces none.
        self.answers.move_to_end(path, last=found is not None)
        if len(self.answers) > self.max_records:
            self.answers.popitem(last=False)

    def recall(self, path: str, view: type[ViewT]) -> ViewT | None:
        """The last answer for a record, if it is recent enough and was read as this type."""
        answer = self.answers.get(path)
        if answer is None or not isinstance(answer.view, view):
            return None
        age_s = self.clock() - answer.asked_at
        if age_s > self.max_age_s:
            del self.answers[path]
            return None
        self.answers.move_to_end(path)
        log.warning("cached_answer_used", service=self.service, path=path, age_s=round(age_s, 1))
        # A copy, as above: the caller may change a list in it.
        return answer.view.model_copy(deep=True)
