"""The API has no versions: it changes only by additions, which break no client."""

from __future__ import annotations

PREFIX = ""
"""The prefix of every path of the API."""
REQUEST_HEADERS: dict[str, str] = {}
"""The headers with which one service asks another for the version that it understands."""
