"""The API has no versions: what is added breaks no client, and nothing else is changed."""

from __future__ import annotations

from fastapi.params import Depends

PREFIX = ""
"""What the addresses of records begin with."""
WANTED: dict[str, str] = {}
"""The headers with which one service asks another for the version that it understands."""
CHECKS: list[Depends] = []
"""What every request for records has to pass."""
