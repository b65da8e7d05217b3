"""How often something may happen, in people's words: `10 a second`, `100 messages per minute`, `5000/day`."""

from __future__ import annotations

import re
from dataclasses import dataclass

SECONDS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
SECONDS |= {"month": 30 * SECONDS["day"], "year": 365 * SECONDS["day"], "s": 1, "h": 3_600, "d": 86_400}

RATE = re.compile(
    r"(?P<count>\d[\d ,_]*)\s*(?P<factor>k|thousand|million)?\b[a-z \t]*?(?:\b(?:an?|per|each|every)\s+|/\s*)"
    rf"(?P<number>\d+)?\s*(?P<unit>{'|'.join(sorted(SECONDS, key=len, reverse=True))})s?\b",
    re.IGNORECASE,
)
FACTORS = {"k": 1_000, "thousand": 1_000, "million": 1_000_000}


@dataclass(frozen=True)
class Rate:
    """So many in so many seconds."""

    count: int
    seconds: int

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


def rate(words: object) -> Rate | None:
    """The rate that words speak of first; None if they speak of none."""
    found = RATE.search(str(words or ""))
    if not found:
        return None
    count = int(re.sub(r"\D", "", found["count"])) * FACTORS.get((found["factor"] or "").lower(), 1)
    seconds = int(found["number"] or 1) * SECONDS[found["unit"].lower()]
    return Rate(count, seconds) if count and seconds else None
