"""Plain lines: one for each thing that happened, its particulars at the end."""

from __future__ import annotations

import sys

import structlog

from services.common.config import Settings

FOR_DEVELOPMENT: dict[str, str] = {}
"""Settings that `uv run dev` prefers: none, people always read along."""
PROCESSORS: list[structlog.types.Processor] = []
"""What is done to each thing beside what always is."""


def renderer(settings: Settings) -> structlog.types.Processor:
    """What makes a line of it."""
    return structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(),
        repr_native_str=True,  # what a caller sent cannot begin a line of its own
        exception_formatter=structlog.dev.plain_traceback,
    )
