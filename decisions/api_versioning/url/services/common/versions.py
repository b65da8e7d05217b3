"""The version of an API is in its addresses: what would break clients is served beside it, under another one."""

from __future__ import annotations

from fastapi.params import Depends

PREFIX = "/v1"
"""What the addresses of records begin with."""
WANTED: dict[str, str] = {}
"""The headers with which one service asks another for the version that it understands."""
CHECKS: list[Depends] = []
"""What every request for records has to pass."""
