"""Log events as lines of text, in which what callers sent can forge no line and send no command to a terminal."""

from __future__ import annotations

import re
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, and those that change the order or the lines of others."""


def renderer() -> structlog.types.Processor:
    """The processor that makes an event a line, coloured on a terminal."""
    colors = sys.stdout.isatty()
    # It writes values as Python does, with what cannot be printed escaped, but not these.
    console = structlog.dev.ConsoleRenderer(colors=colors, repr_native_str=True)

    def render(logger: WrappedLogger, method: str, event: EventDict) -> str:
        event["event"] = escaped(str(event["event"])).replace("\n", r"\n")
        for name in event.keys() & {"exception", "stack"}:
            event[name] = escaped(event[name])
        line: str = console(logger, method, event)
        return line

    return render


def escaped(text: str) -> str:
    """A text in which control characters are written as in Python, apart from ends of lines and tabs."""
    return UNPRINTABLE.sub(lambda it: it[0].encode("unicode_escape").decode(), text)
