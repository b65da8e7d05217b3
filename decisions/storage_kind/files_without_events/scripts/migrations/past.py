"""Folders of a service that used events before: they stay, and no event is left undelivered in them."""

from __future__ import annotations

from services.common.db.documents import Documents

FOLDERS = ("outbox", "unhandled_events")
"""The folders in which events wait."""


def check_undelivered(documents: Documents) -> str:
    """Tell which events still wait; empty if none does."""
    for name in FOLDERS:
        if waiting := len(documents.names(name)) if documents.has(name) else 0:
            return f"{waiting} documents wait in its {name}"
    return ""
