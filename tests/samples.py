"""Of many that are alike, so many as there is time for: others with every change of the template, all when asked.

`SAMPLE=all uv run pytest` tries every one.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from copies import TEMPLATE
from projects import REPOSITORY

T = TypeVar("T")


def sampled(items: Sequence[T], most: int) -> tuple[T, ...]:
    """At most so many of the items, in their order; what projects are made from tells which ones, and nothing else."""
    if os.environ.get("SAMPLE") == "all" or len(items) <= most:
        return tuple(items)
    picked = random.Random(content()).sample(range(len(items)), most)
    return tuple(items[place] for place in sorted(picked))


@cache
def content() -> str:
    """What projects are made from, as a short text that changes with it."""
    seen = hashlib.sha256()
    for name in TEMPLATE:
        for path in sorted([REPOSITORY / name, *(REPOSITORY / name).rglob("*")]):
            if path.is_file() and "__pycache__" not in path.parts:
                seen.update(path.read_bytes())
    return seen.hexdigest()
