"""Folders that kept events once: nothing of theirs is destroyed, and none of them is left waiting unseen."""

from __future__ import annotations

from services.common.documents import Documents

OUTBOX = "outbox"


def leave(documents: Documents) -> str:
    """Say why the events cannot be left where they are, if that is so."""
    waiting = len(documents.names(OUTBOX)) if documents.has(OUTBOX) else 0
    return f"{waiting} documents wait in its outbox" if waiting else ""
