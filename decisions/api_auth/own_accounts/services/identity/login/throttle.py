"""Limits of attempts, counted in this process: several instances of the service let through as many times more."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from http import HTTPStatus
from math import ceil

from services.common.errors import ServiceError


class TooManyAttempts(ServiceError):
    """There were too many attempts of late."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = max(1, ceil(retry_after_s))
        super().__init__(f"Too many attempts; wait {self.retry_after_s} s.")

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after_s)}


class Throttle:
    """Attempts by account, or by address, in a window of time that moves on."""

    def __init__(self, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.window_s = window_s
        self.clock = clock
        self.attempts: OrderedDict[str, deque[float]] = OrderedDict()
        """When they were made; the key with the oldest last one is the first."""

    def count(self, key: str, limit: int) -> None:
        """Count an attempt.

        Raises:
            TooManyAttempts: There were as many as may be; this one does not count.
        """
        now = self.clock()
        self._forget(now)
        made = self.attempts.get(key, deque())
        while made and now - made[0] >= self.window_s:
            made.popleft()
        if len(made) >= limit:
            raise TooManyAttempts(made[0] + self.window_s - now)
        made.append(now)
        self.attempts[key] = made
        self.attempts.move_to_end(key)

    def clear(self, key: str) -> None:
        """Forget the attempts: the last one was right."""
        self.attempts.pop(key, None)

    def _forget(self, now: float) -> None:
        """Drop keys whose attempts are all over, so that memory does not grow with every key that there was."""
        while self.attempts:
            key, made = next(iter(self.attempts.items()))
            if now - made[-1] < self.window_s:
                return
            del self.attempts[key]


LOGINS_BY_ACCOUNT = Throttle(window_s=15 * 60)
LOGINS_BY_ACCOUNT_AND_ADDRESS = Throttle(window_s=15 * 60)
"""Fewer than by account, so that somebody elsewhere does not easily lock its owner out."""
LOGINS_BY_ADDRESS = Throttle(window_s=15 * 60)
SIGN_UPS_BY_ACCOUNT = Throttle(window_s=60 * 60)
RESETS_BY_ACCOUNT = Throttle(window_s=60 * 60)
"""Apart from the others, so that who signs up with an address of somebody else does not use up what its owner needs."""
MAILS_BY_ADDRESS = Throttle(window_s=60 * 60)
