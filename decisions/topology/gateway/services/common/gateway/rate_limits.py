"""Rate limits: a token bucket for each caller."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from math import ceil


@dataclass
class Bucket:
    """The tokens that a caller has left."""

    level: float
    at: float
    """When that was."""


@dataclass(frozen=True)
class Allowance:
    """The rate limit of a caller after a request."""

    burst: int
    window_s: int
    """How long an empty bucket takes to fill."""
    remaining: int
    retry_after_s: int
    """Until the caller may call again; 0 if it may now."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the IETF draft on rate limits, and `Retry-After`."""
        headers = {
            "RateLimit-Policy": f'"caller";q={self.burst};w={self.window_s}',
            "RateLimit": f'"caller";r={self.remaining};t={self.retry_after_s}',
        }
        return headers | ({"Retry-After": str(self.retry_after_s)} if self.retry_after_s else {})


class RateLimits:
    """The buckets of recent callers only, so that memory does not grow with every caller that there was."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = max(1.0, burst)
        self.clock = clock
        self.buckets: OrderedDict[Hashable, Bucket] = OrderedDict()
        """The least recently used one is the first."""

    def take(self, caller: Hashable) -> Allowance:
        """Take a token from the bucket of a caller, if it has one."""
        now = self.clock()
        self._forget(now)
        bucket = self.buckets.pop(caller, None) or Bucket(self.burst, now)
        bucket.level = min(self.burst, bucket.level + (now - bucket.at) * self.rate)
        bucket.at = now
        self.buckets[caller] = bucket
        granted = bucket.level >= 1
        bucket.level -= granted
        wait = 0 if granted else max(1, ceil((1 - bucket.level) / self.rate))
        return Allowance(int(self.burst), ceil(self.burst / self.rate), int(bucket.level), wait)

    def _forget(self, now: float) -> None:
        """Drop the buckets that are full again."""
        while self.buckets:
            caller, oldest = next(iter(self.buckets.items()))
            if (now - oldest.at) * self.rate < self.burst:
                return
            del self.buckets[caller]
