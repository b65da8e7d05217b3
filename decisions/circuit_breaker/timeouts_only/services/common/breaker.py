"""Every call is sent, however the last ones ended: its time limit alone bounds the harm."""

from __future__ import annotations


class Breaker:
    """Never open."""

    is_open = False

    def __init__(self, name: str) -> None:
        self.name = name

    def before_call(self) -> None:
        """Let the call pass."""

    def succeeded(self) -> None:
        """Remember nothing."""

    def failed(self) -> None:
        """Remember nothing."""
