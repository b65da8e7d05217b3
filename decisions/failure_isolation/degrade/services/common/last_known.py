"""While a neighbour is away, what it last said of a record stands in; it is kept in memory alone, never on a disk."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from services.common.clients import Memory
from services.common.config import Settings
from services.common.errors import Away
from services.common.models import View

ViewT = TypeVar("ViewT", bound=View)

log = structlog.get_logger()


def memory(neighbour: str, settings: Settings) -> Memory:
    """What each lookup at the neighbour passes through: what it said of so many records, for so long."""
    return LastKnown(neighbour, settings.last_known_records, settings.last_known_for_s)


@dataclass(frozen=True)
class Said:
    """An answer."""

    view: View | None
    """`None` where there was no such record."""
    asked_at: float
    """When it was asked for, in seconds of the clock; it may be as old as that."""


class LastKnown:
    """The last answers of one neighbour to one service; what was not needed for the longest goes first."""

    def __init__(
        self,
        neighbour: str,
        records: int,
        for_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.neighbour = neighbour
        self.records = records
        self.for_s = for_s
        self.clock = clock
        self.said: OrderedDict[str, Said] = OrderedDict()
        """By path."""

    async def __call__(
        self, path: str, view: type[ViewT], ask: Callable[[], Awaitable[ViewT | None]]
    ) -> ViewT | None:
        """What the neighbour says; while it is away, what it last said, if that is known.

        Raises:
            Away: It is away, and said nothing of the record lately, or that there is none.
        """
        asked_at = self.clock()
        try:
            found = await ask()
        except Away:
            known = self.recall(path, view)
            if known is None:
                raise
            return known
        self.keep(path, found, asked_at)
        return found

    def keep(self, path: str, found: View | None, asked_at: float) -> None:
        """Remember an answer, unless that to a later question came first."""
        before = self.said.get(path)
        if before and before.asked_at > asked_at:
            return
        self.said[path] = Said(found and found.model_copy(deep=True), asked_at)
        # That there is no such record is kept only where there is room, so that it displaces none.
        self.said.move_to_end(path, last=found is not None)
        if len(self.said) > self.records:
            self.said.popitem(last=False)

    def recall(self, path: str, view: type[ViewT]) -> ViewT | None:
        """What was said of a record, if it is young enough and was read as this type."""
        said = self.said.get(path)
        if said is None or not isinstance(said.view, view):
            return None
        age_s = self.clock() - said.asked_at
        if age_s > self.for_s:
            del self.said[path]
            return None
        self.said.move_to_end(path)
        log.warning(
            "neighbour away, last answer used",
            neighbour=self.neighbour,
            path=path,
            age_s=round(age_s, 1),
        )
        # A copy, here as above: whoever gets it may change a list in it.
        return said.view.model_copy(deep=True)
