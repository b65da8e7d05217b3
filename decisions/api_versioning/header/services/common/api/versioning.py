"""The version of the API is in a header, so that the URL of a record stays the same."""

from __future__ import annotations

from typing import Literal

PREFIX = ""
"""The prefix of every path of the API."""
HEADER = "API-Version"
Version = Literal["1"]
"""The versions that are served."""
CURRENT: Version = "1"
"""The version of a request that names none."""
REQUEST_HEADERS = {HEADER: CURRENT}
"""The headers with which one service asks another for the version that it understands."""
