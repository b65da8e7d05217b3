"""Queries of ledger that `records.many` cannot express."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa

from services.common.db.database import Connection
from services.ledger import tables


async def total(connection: Connection) -> Decimal:
    """The money on all accounts together."""
    found = await connection.scalar(sa.select(sa.func.sum(tables.accounts.c.balance)))
    return Decimal(found or 0)
