"""How the tests meet the rules of the fares."""

from __future__ import annotations

from services.common.auth.callers import Caller
from services.common.auth.roles import Role

REFUSED: dict[str, str] = {}


def caller(service: str, entity: str | None) -> Caller:
    """Who calls a service in tests: a planner, who may book every trip."""
    return Caller("planner", is_service=False, roles=frozenset({Role.PLANNER}))
