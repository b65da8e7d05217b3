"""Plain text: one line per log event, with its fields at the end."""

from __future__ import annotations

import sys

import structlog

from services.common.config import Settings

FOR_DEVELOPMENT: dict[str, str] = {}
"""Settings that `dev` prefers: none, as people can read each line anyway."""
PROCESSORS: list[structlog.types.Processor] = []
"""The processors of each log event, in addition to those in `logs.py`."""


def renderer(settings: Settings) -> structlog.types.Processor:
    """The processor that makes it a line."""
    return structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(),
        repr_native_str=True,  # what a caller sent cannot start a new line
        exception_formatter=structlog.dev.plain_traceback,
    )
