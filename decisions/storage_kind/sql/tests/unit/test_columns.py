"""Columns keep values exactly, and absent ones absent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect

from services.common.db.columns import InstantColumn, MoneyColumn, record_columns

DIALECT = DefaultDialect()
HERE = timezone(timedelta(hours=2))
AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "stored"),
    [(Decimal("12.50"), 1250), (Decimal("-0.01"), -1), (Decimal("0.00"), 0), (None, None)],
)
def test_an_amount_is_stored_as_hundredths(amount: Decimal | None, stored: int | None) -> None:
    column = MoneyColumn()
    assert column.process_bind_param(amount, DIALECT) == stored
    assert column.process_result_value(stored, DIALECT) == amount


@pytest.mark.parametrize(("at", "stored"), [(AT.astimezone(HERE), AT), (None, None)])
def test_a_point_in_time_is_stored_in_utc(at: datetime | None, stored: datetime | None) -> None:
    bound = InstantColumn().process_bind_param(at, DIALECT)
    assert (bound, bound and bound.tzinfo) == (stored, stored and UTC)


@pytest.mark.parametrize(
    ("stored", "at"),
    [(AT.replace(tzinfo=None), AT), (AT.astimezone(HERE), AT.astimezone(HERE)), (None, None)],
)
def test_a_time_zone_that_a_database_drops_is_added_again(
    stored: datetime | None, at: datetime | None
) -> None:
    read = InstantColumn().process_result_value(stored, DIALECT)
    assert (read, read and read.utcoffset()) == (at, at and at.utcoffset())


def test_every_table_begins_with_the_same_columns() -> None:
    assert [(it.name, type(it.type), it.nullable) for it in record_columns()] == [
        ("id", sa.Uuid, False),
        ("version", sa.Integer, False),
        ("created_at", InstantColumn, False),
        ("updated_at", InstantColumn, False),
    ]
