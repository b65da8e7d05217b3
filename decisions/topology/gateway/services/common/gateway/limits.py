"""How often each caller may call: a bucket for each, which fills as time goes by."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil


@dataclass
class Bucket:
    """What a caller has left."""

    level: float
    at: float
    """When that was."""


@dataclass(frozen=True)
class Allowance:
    """What a caller is told with each answer."""

    burst: int
    window_s: int
    """How long an empty bucket takes to be full."""
    left: int
    wait_s: int
    """How long until it may call again; 0 where it may now."""

    @property
    def headers(self) -> dict[str, str]:
        """The fields of the IETF's draft on rate limits, and when to come back."""
        told = {
            "RateLimit-Policy": f'"caller";q={self.burst};w={self.window_s}',
            "RateLimit": f'"caller";r={self.left};t={self.wait_s}',
        }
        return told | ({"Retry-After": str(self.wait_s)} if self.wait_s else {})


class Limits:
    """A bucket for each caller who called lately, so that memory does not grow with all who ever did."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = max(1.0, burst)
        self.clock = clock
        self.buckets: OrderedDict[str, Bucket] = OrderedDict()
        """The one that was used longest ago is the first."""

    def take(self, caller: str) -> Allowance:
        """Take one request out of a caller's bucket, if there is one."""
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
        """Drop the buckets that are full again, whatever was in them."""
        while self.buckets:
            caller, oldest = next(iter(self.buckets.items()))
            if (now - oldest.at) * self.rate < self.burst:
                return
            del self.buckets[caller]
