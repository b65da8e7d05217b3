"""Ids are ordered by time, as RFC 9562 says of version 7."""

from __future__ import annotations

import time

from services.common.utils import new_id


def test_ids_sort_by_the_time_of_their_making() -> None:
    first = new_id()
    time.sleep(0.002)
    second = new_id()
    assert first < second
    assert (second.version, second.variant) == (7, "specified in RFC 4122")
