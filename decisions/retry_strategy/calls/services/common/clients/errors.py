"""How a call to another service or to an external API can fail."""

from __future__ import annotations

import httpx2


class TransientError(Exception):
    """The next attempt may succeed: no connection, a timeout, a 5xx, or a 4xx that is transient."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """How long the other side asks to wait before the next attempt; 0 if it does not."""


class CallRejected(Exception):
    """The other side understood the call and refuses it: a 4xx that is not transient."""

    def __init__(self, name: str, response: httpx2.Response) -> None:
        super().__init__(f"{name} answered {response.status_code}: {response.text[:300]}")
        self.status = response.status_code
