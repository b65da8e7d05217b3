"""How the tests meet the rules of the reader."""

from __future__ import annotations

from services.common.auth.callers import Caller
from tests.fixtures.facts import Draft

REFUSED: dict[str, str] = {}


def caller(service: str, entity: str | None) -> Caller:
    """Who calls a service in tests."""
    return Caller("tests", is_service=False)


def feed(draft: Draft) -> Draft:
    """Addresses are kept in lower case."""
    return draft | {"address": draft["address"].lower()}


def subscription(draft: Draft) -> Draft:
    """Everybody follows feeds for themselves."""
    return draft | {"follower": "tests"}
