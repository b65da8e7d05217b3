"""Events: their content, the envelope in which they travel, and how they are kept while they wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import Field

from services.common.models import Id, Instant, Model, View


class Event(View):
    """The content of an event; each subclass tells of one thing that happened to a record."""

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


@dataclass(frozen=True)
class OutboxMessage:
    """An event that waits for delivery to one subscriber."""

    position: int
    """Its place in the outbox; no two messages ever have the same."""
    subscriber: str
    event: dict[str, Any]
    """The envelope as JSON."""


@dataclass(frozen=True)
class UnhandledEvent:
    """An event that could not be handled."""

    position: int
    """Its place among them, in the order in which they came."""
    envelope: Envelope
    due_at: datetime
    """When it is tried again, unless it is set aside."""
    tries: int
    reason: str
    """Why it could not be handled the last time."""
    set_aside: bool
