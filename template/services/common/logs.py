"""Logging: what this process says, the libraries' words included, goes to standard output, each thing a line."""

from __future__ import annotations

import logging
import sys

import structlog

from services.common import lines
from services.common.config import Settings


def configure(settings: Settings) -> None:
    """Write the logs of this process, and those of its libraries, as lines of one form."""
    ours: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *lines.PROCESSORS,
    ]
    render = lines.renderer(settings)
    structlog.configure(
        processors=[*ours, render],
        # Not by way of the standard library, which costs more than all else about a line.
        logger_factory=structlog.WriteLoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        cache_logger_on_first_use=False,  # so that it writes to what is standard output now
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *ours],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    # The client logs each request it makes; the access log of the other side already has it.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
