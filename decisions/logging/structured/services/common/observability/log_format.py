"""Structured logs: one JSON object per log event, or coloured text for people."""

from __future__ import annotations

import structlog

from services.common.config import Settings
from services.common.observability import text_lines

FOR_DEVELOPMENT = {"LOG_FORMAT": "text"}
"""Settings that `dev` prefers: there people read the lines."""
PROCESSORS: list[structlog.types.Processor] = [structlog.processors.format_exc_info]
"""The processors of each log event, in addition to those in `logs.py`."""


def renderer(settings: Settings) -> structlog.types.Processor:
    """The processor that makes it a line."""
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer()
    return text_lines.renderer()
