"""Logging: this process and its libraries write to standard output, one line per log event."""

from __future__ import annotations

import logging
import sys

import structlog

from services.common.config import Settings
from services.common.observability import log_format


def configure(settings: Settings) -> None:
    """Give the log events of this process and of its libraries one format."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *log_format.PROCESSORS,
    ]
    renderer = log_format.renderer(settings)
    structlog.configure(
        processors=[*shared, renderer],
        # Without the standard library's loggers, which cost more than the rest of a line.
        logger_factory=structlog.WriteLoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        cache_logger_on_first_use=False,  # so that it writes to the current standard output
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Below INFO, drivers and clients log statements and headers whole, with all that is in them.
    root.setLevel(max(logging.INFO, logging.getLevelNamesMapping()[settings.log_level]))
    # The client logs each request that it sends; the access log of the other side has it already.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
