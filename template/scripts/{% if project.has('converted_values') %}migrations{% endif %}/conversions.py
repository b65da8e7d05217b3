"""Values of one type as values of another, both as JSON has them. A value that would say something else is refused.

Migrations never change, and so neither do these.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

EMAIL = (
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+"
    r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
URL = r"https?://[A-Za-z0-9\[][!#-;=?-\[\]_a-z~]*"
AMOUNT = r"-?(0|[1-9]\d{0,11})(\.\d{1,2})?"
DAY = r"\d{4}-\d\d-\d\d"
MIDNIGHT = r"T00:00:00(\.0+)?(Z|\+00:00)"


def convert(value: Any, type: str, choices: Collection[str] = ()) -> Any:
    """A value of another type, or None of None; an empty list is no value either.

    Raises:
        ValueError: The value is none of that type.
    """
    if value is None or value == []:
        return None
    text = _text_of(value)
    match type:
        case "str":
            return _matching(r"[^\x00-\x1f\x7f]{1,255}", text)
        case "text":
            return _matching(r"[^\x00]{0,10000}", text)
        case "choice" if text in choices:
            return text
        case "email":
            return _matching(rf"(?=.{{1,254}}$){EMAIL}", text)
        case "url":
            return _matching(rf"(?=.{{1,2000}}$){URL}", text)
        case "uuid":
            return str(UUID(_matching(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", text)))
        case "bool":
            return _matching("true|false", text) == "true"
        case "int":
            return _limited(int(_matching(r"0|-?[1-9]\d{0,9}", text)))
        case "float":
            return _exact(_matching(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", text))
        case "money":
            return f"{Decimal(_matching(AMOUNT, text)):.2f}"
        case "date":
            day = _matching(DAY, re.sub(f"{MIDNIGHT}$", "", text))
            return date.fromisoformat(day).isoformat()
        case "datetime":
            return _instant(text)
        case _:
            raise ValueError(text)


def refuse(table: str, field: str, type: str, unfit: Collection[UUID | str]) -> None:
    """Raise `SystemExit` if the values of some records are none of a type."""
    if unfit:
        raise SystemExit(
            f"{len(unfit)} values of {field} in {table} are no {type}, one of them in {min(map(str, unfit))}."
            f" Change them with the code of before, or give the field another name, so that they stay"
            f" where they are; nothing was changed."
        )


def _text_of(value: Any) -> str:
    """A value as a caller would write it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return value
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
        case _:
            raise ValueError(value)


def _matching(pattern: str, text: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise ValueError(text)
    return text


def _limited(number: int) -> int:
    if not -(2**31) <= number < 2**31:
        raise ValueError(number)
    return number


def _exact(text: str) -> float:
    """A number that is what the text says, not only nearly."""
    number = float(text)
    if not math.isfinite(number) or Decimal(repr(number)) != Decimal(text):
        raise ValueError(text)
    return number


def _instant(text: str) -> str:
    """A point in time; a day begins at midnight in UTC."""
    if re.fullmatch(DAY, text, re.ASCII):
        text += "T00:00:00Z"
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
