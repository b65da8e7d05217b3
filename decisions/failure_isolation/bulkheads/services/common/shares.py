"""Each neighbour has a share of calls that may be under way; when it is full, the next call fails at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from services.common.config import Settings
from services.common.errors import Away


def share(neighbour: str, settings: Settings) -> Callable[[], AbstractContextManager[None]]:
    """What each call to the neighbour holds while it is under way: a place in its share."""
    return Share(neighbour, settings.calls_per_neighbour).place


class Share:
    """So many places; a process counts its own calls."""

    def __init__(self, neighbour: str, places: int) -> None:
        self.neighbour = neighbour
        self.free = places

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for the duration of a `with` block.

        Raises:
            Away: All are taken. Nobody waits for one, as whoever waited would be held up as well.
        """
        if not self.free:
            raise Away(f"{self.neighbour} is busy: as many calls to it as may be are under way.")
        self.free -= 1
        try:
            yield
        finally:
            self.free += 1
