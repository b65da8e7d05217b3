"""How often a caller may call, by a clock that the tests move."""

from __future__ import annotations

from services.common.gateway.limits import Limits


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_caller_may_burst_and_then_call_as_often_as_the_rate_says() -> None:
    clock = Clock()
    limits = Limits(rate=2.0, burst=5.0, clock=clock)
    assert [limits.take("ada").wait_s for _ in range(7)] == [0] * 5 + [1, 1]
    clock.now = 1.0
    assert [limits.take("ada").wait_s for _ in range(3)] == [0, 0, 1]


def test_a_slow_rate_says_how_long_to_wait() -> None:
    clock = Clock()
    limits = Limits(rate=0.1, burst=0.5, clock=clock)
    assert limits.take("ada").wait_s == 0
    refused = limits.take("ada")
    assert refused.headers == {
        "RateLimit-Policy": '"caller";q=1;w=10',
        "RateLimit": '"caller";r=0;t=10',
        "Retry-After": "10",
    }
    clock.now = 9.9
    assert limits.take("ada").wait_s == 1
    clock.now = 10.0
    assert limits.take("ada").wait_s == 0


def test_one_caller_takes_nothing_from_another() -> None:
    limits = Limits(rate=1.0, burst=1.0, clock=Clock())
    assert limits.take("ada").wait_s == 0
    assert limits.take("ada").wait_s == 1
    assert limits.take("bob").wait_s == 0


def test_who_does_not_call_any_more_is_forgotten_and_who_does_is_not() -> None:
    clock = Clock()
    limits = Limits(rate=1.0, burst=10.0, clock=clock)
    for number in range(1000):
        limits.take(f"caller-{number}")
    clock.now = 5.0
    limits.take("caller-0")
    clock.now = 11.0
    limits.take("ada")
    assert set(limits.buckets) == {"caller-0", "ada"}
