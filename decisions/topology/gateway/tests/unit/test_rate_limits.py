"""Rate limits, by a clock that the tests set."""

from __future__ import annotations

from services.common.gateway.rate_limits import RateLimits


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_caller_may_send_a_burst_and_then_as_many_as_the_rate_allows() -> None:
    clock = Clock()
    limits = RateLimits(rate=2.0, burst=5.0, clock=clock)
    assert [limits.take("ada").retry_after_s for _ in range(7)] == [0] * 5 + [1, 1]
    clock.now = 1.0
    assert [limits.take("ada").retry_after_s for _ in range(3)] == [0, 0, 1]


def test_a_refused_caller_learns_how_long_to_wait() -> None:
    clock = Clock()
    limits = RateLimits(rate=0.1, burst=0.5, clock=clock)
    assert limits.take("ada").retry_after_s == 0
    refused = limits.take("ada")
    assert refused.headers == {
        "RateLimit-Policy": '"caller";q=1;w=10',
        "RateLimit": '"caller";r=0;t=10',
        "Retry-After": "10",
    }
    clock.now = 9.9
    assert limits.take("ada").retry_after_s == 1
    clock.now = 10.0
    assert limits.take("ada").retry_after_s == 0


def test_each_caller_has_a_limit_of_its_own() -> None:
    limits = RateLimits(rate=1.0, burst=1.0, clock=Clock())
    assert limits.take("ada").retry_after_s == 0
    assert limits.take("ada").retry_after_s == 1
    assert limits.take("bob").retry_after_s == 0


def test_only_recent_callers_are_kept_in_memory() -> None:
    clock = Clock()
    limits = RateLimits(rate=1.0, burst=10.0, clock=clock)
    for number in range(1000):
        limits.take(f"caller-{number}")
    clock.now = 5.0
    limits.take("caller-0")
    clock.now = 11.0
    limits.take("ada")
    assert set(limits.buckets) == {"caller-0", "ada"}
