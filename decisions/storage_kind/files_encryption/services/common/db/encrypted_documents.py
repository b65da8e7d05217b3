"""Documents with fields that are encrypted before they reach the disk."""

from __future__ import annotations

from pydantic import BaseModel

from services.common.db.database import Document, Table
from services.common.db.field_keys import KEYS


def values_of(table: Table, document: Document) -> Document:
    """The values in a document, those that are encrypted as they were; raises `CannotDecrypt`."""
    stored = {it: document.get(it) for it in table.encrypted}
    return document | KEYS.decrypt(table, document["id"], stored)


def document_of(table: Table, record: BaseModel) -> Document:
    """A record as a document."""
    document = record.model_dump(mode="json")
    values = {it: document[it] for it in table.encrypted}
    return document | KEYS.encrypt(table, document["id"], values)
