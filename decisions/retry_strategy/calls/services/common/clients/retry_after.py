"""`Retry-After` (RFC 9110, section 10.2.3): how long a dependency asks not to be called again."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx2

from services.common.utils import now

EVERY_PATH = ""
"""In place of a path: nothing of the dependency is to be called."""
MAX_PAUSE_S = 86_400.0
"""No dependency is left alone for longer, however long it asks for."""


def seconds_of(response: httpx2.Response) -> float:
    """How long the sender of a response asks to wait, which it gives in seconds or as a date; 0 if it does not."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return min(float(value), MAX_PAUSE_S)
    try:
        at = parsedate_to_datetime(value)
    except (OverflowError, ValueError):
        return 0.0
    pause_s = (at.replace(tzinfo=at.tzinfo or UTC) - now()).total_seconds()
    return min(max(0.0, pause_s), MAX_PAUSE_S)


class Pauses:
    """Until when a dependency asked not to be called, at a path or as a whole."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._ends: dict[str, float] = {}

    def add(self, path: str, seconds: float) -> None:
        """Remember that a path is not to be called for so long."""
        if seconds > 0:
            self._ends[path] = self.clock() + seconds

    def left(self, path: str) -> float:
        """For how many seconds a path is still not to be called."""
        at = self.clock()
        self._ends = {it: end for it, end in self._ends.items() if end > at}
        return max(self._ends.get(EVERY_PATH, at), self._ends.get(path, at)) - at
