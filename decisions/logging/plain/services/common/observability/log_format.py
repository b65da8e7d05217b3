"""Plain text: one line per log event, with its fields at the end."""

from __future__ import annotations

import structlog

from services.common.config import Settings
from services.common.observability import text_lines

FOR_DEVELOPMENT: dict[str, str] = {}
"""Settings that `dev` prefers: none, as people can read each line anyway."""
PROCESSORS: list[structlog.types.Processor] = [structlog.processors.format_exc_info]
"""The processors of each log event, in addition to those in `logs.py`."""


def renderer(settings: Settings) -> structlog.types.Processor:
    """The processor that makes it a line."""
    return text_lines.renderer()
