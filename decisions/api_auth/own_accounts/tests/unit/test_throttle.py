"""Limits of attempts, at the edges of their window."""

from __future__ import annotations

import pytest

from services.identity.login.throttle import Throttle, TooManyAttempts


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def refused(throttle: Throttle, key: str = "ada", limit: int = 2) -> str:
    """After how many seconds a further attempt may be made; empty if it may be made now."""
    try:
        throttle.count(key, limit)
    except TooManyAttempts as error:
        return error.headers["Retry-After"]
    return ""


def test_an_attempt_beyond_the_limit_waits_until_the_oldest_is_over() -> None:
    clock = Clock()
    throttle = Throttle(60, clock)
    assert not refused(throttle)
    clock.time += 10
    assert not refused(throttle)
    assert refused(throttle) == "50"
    clock.time += 49.5
    assert refused(throttle) == "1"
    clock.time += 0.5
    assert not refused(throttle)
    assert refused(throttle) == "10"


def test_a_refused_attempt_does_not_count() -> None:
    clock = Clock()
    throttle = Throttle(60, clock)
    for _ in range(100):
        refused(throttle)
    clock.time += 60
    assert not refused(throttle)


def test_each_key_has_its_own_limit_until_it_is_cleared() -> None:
    throttle = Throttle(60, Clock())
    assert [bool(refused(throttle)) for _ in range(3)] == [False, False, True]
    assert not refused(throttle, "zoe")
    throttle.clear("ada")
    throttle.clear("nobody")
    assert not refused(throttle)


def test_keys_are_forgotten_when_their_attempts_are_over() -> None:
    clock = Clock()
    throttle = Throttle(60, clock)
    for number in range(100):
        throttle.count(str(number), 1)
    clock.time += 60
    throttle.count("ada", 1)
    assert [*throttle.attempts] == ["ada"]


def test_waiting_is_told_in_whole_seconds() -> None:
    with pytest.raises(TooManyAttempts, match="wait 1 s"):
        raise TooManyAttempts(0.001)
