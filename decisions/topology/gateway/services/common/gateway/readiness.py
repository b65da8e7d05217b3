"""Whether the services behind the gateway can be reached, asked once for all who want to know at about the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import httpx2

TIMEOUT_S = 2.0
KEPT_S = 1.0
"""For how long a response counts, so that who asks without end makes no more requests than one probe does."""


class Readiness:
    """Asks the services, one round at a time."""

    def __init__(self, clients: Mapping[str, httpx2.AsyncClient]) -> None:
        self.clients = clients
        self.known = False
        self.known_at = float("-inf")
        self._asking = asyncio.Lock()

    async def is_ready(self) -> bool:
        """Whether one service at least is ready, or there is none."""
        async with self._asking:
            if time.monotonic() - self.known_at >= KEPT_S:
                answers = await asyncio.gather(*map(_is_ready, self.clients.values()))
                self.known = any(answers) or not answers
                self.known_at = time.monotonic()
        return self.known


async def _is_ready(client: httpx2.AsyncClient) -> bool:
    try:
        return (await client.get("/health/ready", timeout=TIMEOUT_S)).is_success
    except httpx2.HTTPError:
        return False
