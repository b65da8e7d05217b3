"""Structured lines: one JSON object for each thing that happened, or coloured text for people."""

from __future__ import annotations

import sys

import structlog

from services.common.config import Settings

FOR_DEVELOPMENT = {"LOG_FORMAT": "text"}
"""Settings that `uv run dev` prefers: people read along."""
PROCESSORS: list[structlog.types.Processor] = [structlog.processors.format_exc_info]
"""What is done to each thing beside what always is."""


def renderer(settings: Settings) -> structlog.types.Processor:
    """What makes a line of it."""
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
