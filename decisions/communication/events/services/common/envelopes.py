"""Events: what they say, and the envelope in which they travel."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from services.common.models import Id, Instant, Model, View


class Event(View):
    """The content of an event; each subclass is one fact about a record."""

    id: Id
    """The record that it is about."""


class Envelope(Model):
    """An event on its way, as CloudEvents 1.0 in JSON."""

    specversion: str = "1.0"
    id: Id
    source: str
    type: str
    subject: Id
    time: Instant
    sequence: int = Field(ge=1, description="The version of the record after the change.")
    datacontenttype: str = "application/json"
    data: dict[str, Any]
    traceparent: str | None = Field(
        default=None,
        max_length=200,
        exclude_if=lambda it: it is None,
        description="The trace that the change belongs to (CloudEvents' extension for tracing).",
    )
