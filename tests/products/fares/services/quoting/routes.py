"""What a trip costs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from services.common.api.dependencies import SettingsDep
from services.common.api.versioning import PREFIX
from services.common.models import Model, Money

router = APIRouter(prefix=PREFIX)
public = APIRouter(prefix=PREFIX)


class Quote(Model):
    """What a trip of a length costs."""

    km: int
    price: Money


@public.get("/quote")
async def get_quote(km: Annotated[int, Query(ge=1)], settings: SettingsDep) -> Quote:
    """Tell what a trip costs."""
    return Quote(km=km, price=round(km * settings.fare_per_km, 2))
