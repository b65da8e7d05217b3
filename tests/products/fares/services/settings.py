"""Settings of the fares."""

from __future__ import annotations

from decimal import Decimal

from pydantic_settings import BaseSettings


class OwnSettings(BaseSettings):
    """What the price of a trip depends on."""

    fare_per_km: Decimal = Decimal("0.20")
    longest_trip_km: int = 1_000
