"""Stop calling a neighbour that keeps failing."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.common.errors import Away


class Breaker:
    """Stop calling what keeps failing; let one call through after a while to see whether it is back.

    Closed: calls pass. Open, after `limit` failures in a row: calls fail at once for `pause_s` seconds.
    Half-open, after that: one call decides.
    """

    def __init__(
        self,
        name: str,
        limit: int = 5,
        pause_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.limit = limit
        self.pause_s = pause_s
        self.clock = clock
        self.failures = 0
        self.retry_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls fail at once now."""
        return self.failures >= self.limit and self.clock() < self.retry_at

    def before_call(self) -> None:
        """Raise `Away` while open; else let the call pass."""
        if self.failures < self.limit:
            return
        if self.is_open:
            raise Away(f"{self.name} is not available.")
        # Half-open: whoever comes during this call is told to wait.
        self.retry_at = self.clock() + self.pause_s

    def succeeded(self) -> None:
        self.failures = 0

    def failed(self) -> None:
        self.failures += 1
        self.retry_at = self.clock() + self.pause_s
