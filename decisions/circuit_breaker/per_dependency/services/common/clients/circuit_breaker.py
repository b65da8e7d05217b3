"""The circuit breaker: a service that keeps failing is not called for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.common.errors import ServiceUnavailable


class CircuitBreaker:
    """Fail fast while calls keep failing, and try one call after a pause.

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
        """Raise `ServiceUnavailable` while open; otherwise let the call pass."""
        if self.failures < self.limit:
            return
        if self.is_open:
            raise ServiceUnavailable(f"{self.name} is not available.")
        # Half-open: other calls fail until this one has decided.
        self.retry_at = self.clock() + self.pause_s

    def succeeded(self) -> None:
        self.failures = 0

    def failed(self) -> None:
        self.failures += 1
        self.retry_at = self.clock() + self.pause_s
