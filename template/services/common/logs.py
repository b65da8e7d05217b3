"""Logging: what this process says, the libraries' words included, goes to standard output, each thing a line."""

from __future__ import annotations

import logging
import sys

import structlog

from services.common import lines
from services.common.config import Settings


def configure(settings: Settings) -> None:
    """Send the logs of this process, the libraries' included, through one formatter."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *lines.PROCESSORS,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                lines.renderer(settings),
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    # The client logs each request it makes; the access log of the other side already has it.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
