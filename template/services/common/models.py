"""Data models that every service uses: field types, records, pages and problems."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    WithJsonSchema,
)

from services.common.utils import now

ItemT = TypeVar("ItemT")
RecordT = TypeVar("RecordT", bound="Record")

AMOUNT = r"^-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?$"


def amount(value: object) -> Decimal:
    """An amount of money from text; a JSON number would have been through a float, and may have lost cents."""
    if isinstance(value, str) and re.fullmatch(AMOUNT, value):
        value = Decimal(value)
    if not isinstance(value, Decimal):
        raise ValueError('An amount is text such as "12.50"')
    return value.quantize(Decimal("0.01")) + 0  # without a minus before zero


def day(text: str) -> date:
    """A date from text (RFC 3339)."""
    return date.fromisoformat(text)


def instant(text: str) -> datetime:
    """A point in time from text (RFC 3339)."""
    return datetime.fromisoformat(text)


def uuid(text: str) -> UUID:
    """An id from text (RFC 9562)."""
    return UUID(text)


def _number(value: object) -> object:
    if isinstance(value, (str, bool)):
        raise ValueError("A number is expected")
    return value


def _written(form: str) -> BeforeValidator:
    """Take only text of this form; Pydantic alone would make dates and ids of numbers and other forms, too."""

    def check(value: object) -> object:
        if isinstance(value, (int, float)) or (
            isinstance(value, str) and not re.fullmatch(form, value)
        ):
            raise ValueError("The form of this text is not the one in the schema")
        return value

    return BeforeValidator(check)


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("This point in time is before the year 1 or after 9999") from None


# The limits are those of the columns, and the patterns mean the same to Python and to a client that reads the schema.
Id = Annotated[UUID, _written(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")]
ShortText = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")]
Email = Annotated[str, Field(max_length=254, pattern=r"^[!-?A-~]+@[!-?A-~]+$")]
Url = Annotated[str, Field(max_length=2_000, pattern=r"^https?://[!-~]+$")]
Integer = Annotated[int, Field(ge=-(2**31), le=2**31 - 1), BeforeValidator(_number)]
Number = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_number)]
Flag = Annotated[bool, Strict()]
Money = Annotated[
    Decimal, BeforeValidator(amount), WithJsonSchema({"type": "string", "pattern": AMOUNT})
]
Date = Annotated[date, _written(r"\d{4}-\d\d-\d\d")]
Instant = Annotated[
    AwareDatetime,
    _written(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"),
    AfterValidator(_in_utc),
]
Many = Annotated[list[ItemT], Field(max_length=1_000)]


class Model(BaseModel):
    """Immutable data; a field that nobody declared is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class View(BaseModel):
    """What one service reads of another's data; fields it does not know are ignored, so that the owner may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Record(View):
    """A stored entity."""

    id: Id
    version: int = Field(ge=1, description="Grows by one with each change; the ETag.")
    created_at: Instant
    updated_at: Instant


def next_version(record: RecordT, **values: Any) -> RecordT:
    """The record with other values, as the version that follows; they are taken as they are."""
    changed = {**values, "version": record.version + 1, "updated_at": now()}
    return record.model_copy(update=changed)


class Page(Model, Generic[RecordT]):
    """One page of a collection, in order of creation."""

    items: list[RecordT]
    next: Id | None = Field(description="The `after` of the next page; null on the last.")


class Fault(BaseModel):
    """What is wrong with one field of a request."""

    field: str
    message: str


class Problem(BaseModel):
    """A problem detail (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    request_id: str = ""
    errors: list[Fault] = []
