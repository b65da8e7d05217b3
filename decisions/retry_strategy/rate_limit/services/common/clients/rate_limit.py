"""The limit of an external API: so many calls within so many seconds, retries included, by each process."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from services.common.errors import ServiceUnavailable


class RateLimit:
    """Gives each call its turn: no span of `within_s` seconds has more than `calls`."""

    def __init__(
        self,
        name: str,
        calls: int,
        within_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.within_s = within_s
        self.clock = clock
        self._turns: deque[float] = deque(maxlen=calls)
        """When the last calls had or have their turn."""

    def reserve(self, timeout_s: float) -> float:
        """Take the next turn, and tell in how many seconds it is.

        Raises:
            ServiceUnavailable: It is later than the caller can wait.
        """
        at = self.clock()
        is_full = len(self._turns) == self._turns.maxlen
        turn = max(at, self._turns[0] + self.within_s) if is_full else at
        if turn - at > timeout_s:
            raise ServiceUnavailable(f"{self.name} may not be called so often.", turn - at)
        self._turns.append(turn)
        return turn - at

    async def wait(self, timeout_s: float) -> None:
        """Wait for the next turn; raises `ServiceUnavailable` if that takes longer than the caller can wait."""
        await asyncio.sleep(self.reserve(timeout_s))
