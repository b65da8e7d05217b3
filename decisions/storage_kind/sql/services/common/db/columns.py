"""Column types that every database stores alike, and the columns that the table of every entity has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa


class MoneyColumn(sa.TypeDecorator[Decimal]):
    """An amount with two decimals, stored as hundredths, so that every database keeps it exactly."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else int(value * 100)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-2)


class InstantColumn(sa.TypeDecorator[datetime]):
    """A point in time, stored in UTC; the time zone is added again where a database drops it."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


def record_columns() -> Sequence[sa.Column[Any]]:
    """The columns that the table of every entity begins with."""
    return (
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", InstantColumn, nullable=False),
        sa.Column("updated_at", InstantColumn, nullable=False),
    )
