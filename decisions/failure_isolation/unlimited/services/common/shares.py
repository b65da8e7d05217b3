"""Calls are not counted: as many may be under way to a neighbour as are asked for."""

from __future__ import annotations

from contextlib import nullcontext

from services.common.config import Settings


def share(neighbour: str, settings: Settings) -> type[nullcontext[None]]:
    """What each call to the neighbour holds while it is under way: nothing."""
    return nullcontext
