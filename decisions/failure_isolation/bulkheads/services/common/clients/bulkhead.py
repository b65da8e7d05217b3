"""The bulkhead: only so many calls to one service are in flight at once, and further ones fail at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.common.errors import ServiceUnavailable


class Bulkhead:
    """The calls of this process to one service."""

    def __init__(self, name: str, max_concurrent_calls: int) -> None:
        self.name = name
        self.free_slots = max_concurrent_calls

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot for the duration of a `with` block.

        Raises:
            ServiceUnavailable: All are taken. Waiting for one would hold up the caller as well.
        """
        if not self.free_slots:
            raise ServiceUnavailable(f"{self.name} is busy: too many calls are in flight.")
        self.free_slots -= 1
        try:
            yield
        finally:
            self.free_slots += 1
