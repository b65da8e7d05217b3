"""No circuit breaker: every call is sent, and its timeout alone limits the harm."""

from __future__ import annotations


class CircuitBreaker:
    """A circuit that is always closed."""

    is_open = False

    def __init__(self, name: str) -> None:
        self.name = name

    def before_call(self) -> None:
        """Let the call pass."""

    def succeeded(self) -> None:
        """Remember nothing."""

    def failed(self) -> None:
        """Remember nothing."""
