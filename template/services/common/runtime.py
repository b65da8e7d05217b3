"""What a running service holds: its database, the ways to the others, and its deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.common.clients import Client
from services.common.messaging import Relay
from services.common.storage import Database


@dataclass(frozen=True)
class Runtime:
    """Made when a service starts, closed when it stops."""

    service: str
    database: Database
    clients: Mapping[str, Client]
    """By name of the service that is called."""
    apis: Mapping[str, Client]
    """By name of the external API; rules that name one get it."""
    relays: tuple[Relay, ...]

    def wake_relays(self) -> None:
        """Deliver what was just committed without waiting for the next poll."""
        for relay in self.relays:
            relay.wake()


async def get_runtime(request: Request) -> Runtime:
    """The runtime of the service that serves the request."""
    runtime: Runtime = request.app.state.runtime
    return runtime


RuntimeDep = Annotated[Runtime, Depends(get_runtime)]
