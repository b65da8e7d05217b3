"""Small helpers that belong nowhere else."""

from __future__ import annotations

import hmac
import os
import time
from datetime import UTC, datetime
from uuid import UUID


def now() -> datetime:
    """The current time in UTC, to the microsecond."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7): ordered by time of creation, so that pages list oldest first."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high = milliseconds << 16 | 0x7000 | random >> 68
    low = 0b10 << 62 | random & (1 << 62) - 1
    return UUID(int=high << 64 | low)


def secrets_match(one: str, other: str) -> bool:
    """Compare secrets in a time that does not reveal how much of them agrees."""
    return hmac.compare_digest(one.encode(), other.encode())
