"""The version of the API is in its paths: a breaking change is served next to it, under a new version."""

from __future__ import annotations

PREFIX = "/v1"
"""The prefix of every path of the API."""
REQUEST_HEADERS: dict[str, str] = {}
"""The headers with which one service asks another for the version that it understands."""
