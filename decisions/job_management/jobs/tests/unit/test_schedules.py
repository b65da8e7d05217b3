"""The times of schedules: in UTC, counted from the beginning of a Monday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.common.jobs.jobs import Schedule

DAILY = Schedule(timedelta(days=1), offset=timedelta(hours=2))
WEEKLY = Schedule(timedelta(days=7), offset=timedelta(days=2, hours=6, minutes=30))
QUARTER_HOURLY = Schedule(timedelta(minutes=15))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "now", "latest", "following"),
    [
        (DAILY, "2026-03-01T01:59:59", "2026-02-28T02:00", "2026-03-01T02:00"),
        (DAILY, "2026-03-01T02:00", "2026-03-01T02:00", "2026-03-02T02:00"),
        (DAILY, "2026-03-29T12:00", "2026-03-29T02:00", "2026-03-30T02:00"),
        (WEEKLY, "2026-03-04T06:29", "2026-02-25T06:30", "2026-03-04T06:30"),
        (WEEKLY, "2026-03-06T00:00", "2026-03-04T06:30", "2026-03-11T06:30"),
        (QUARTER_HOURLY, "2026-03-01T10:14:59", "2026-03-01T10:00", "2026-03-01T10:15"),
        (QUARTER_HOURLY, "2026-03-01T23:50", "2026-03-01T23:45", "2026-03-02T00:00"),
    ],
)
def test_the_times_before_and_after(
    schedule: Schedule, now: str, latest: str, following: str
) -> None:
    assert schedule.latest(at(now)) == at(latest)
    assert schedule.next(at(now)) == at(following)
