"""Monitoring is left to health checks and logs, which every service has."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from services.common.api.asgi import ASGIApp
from services.common.api.endpoint import Endpoint
from services.common.config import Settings


class Monitor:
    """Adds nothing to a service."""

    def __init__(self, service: str) -> None:
        self.service = service

    def instrument(self, app: ASGIApp) -> ASGIApp:
        """Leave requests as they are."""
        return app

    def endpoints(self) -> Sequence[Endpoint]:
        """Answer nothing."""
        return ()

    def lifespan(self, settings: Settings) -> AbstractAsyncContextManager[None]:
        """Nothing runs in the background."""
        return nullcontext()
