"""The registry of field types: all that is known of `money` or `date` is its entry here.

To add a type, append an entry to `FIELD_TYPES`. Its definition may use any Pydantic type (`imports` brings it in) and
the helpers of the generated `services/common/models.py`; its column any SQLAlchemy type and those of the generated
`services/common/db/columns.py`.
"""

from __future__ import annotations

import datetime
import math
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

Plain = str | int | float | bool
"""A value of a field type as the domain holds it; amounts, dates and addresses are text."""


@dataclass(frozen=True)
class FieldType:
    """A type that a field of an entity may have: one plain value."""

    name: str
    """As answers write it: `money`."""
    alias: str
    """The annotation's name in the generated models: `Money`."""
    definition: str
    """What the alias is defined as there, in one line."""
    column: str
    """The type of its column in SQLAlchemy."""
    example: Plain | Mapping[str, object]
    """A valid value in JSON, which generated tests send: another one in each draft, whose number and whose day are
    `{number}` and `{day}` in a text; a whole number is `counting(…)`."""
    parse: Callable[[str], Plain]
    """Reads a value that an answer gives, such as a default; raises `ValueError` for an invalid one."""
    answer_example: str
    """A value as an answer writes it, shown with that error."""
    blank: Plain
    """A valid value that tells nothing, which takes the place of a sensitive one."""
    blank_of_its_own: str = ""
    """The same with `{id}` in it, which is the id of the record; empty where that is no value."""
    imports: tuple[tuple[str, str], ...] = ()
    """The module and name of what the definition uses, beyond what the generated models import anyway."""
    constructor: str = ""
    """The function of the generated models that makes a value from text; empty if a Python literal is one."""
    cast: Callable[[Plain], Plain] | None = None
    """Makes a number of JSON one of the Python type."""
    accepted_by: tuple[str, ...] = ()
    """Other types of which each of its values is a valid one, too."""
    in_rules: tuple[str, str] | None = None
    """How a business rule makes a value, and the module of `services/common` that has it."""
    financial: bool = False
    """Whether its values are amounts of money."""
    limited_by: str = ""
    """What a field may limit of its values: their `length` or their `range`; nothing if empty."""
    least: Decimal = Decimal(0)
    """The bound of what is limited, whatever a field says."""
    most: Decimal = Decimal(0)
    decimals: int = 0
    """So many decimals a limit of its values may have."""
    has_patterns: bool = False
    """Whether a field may ask its values to match a pattern."""
    index_bytes: int = 16
    """The most bytes that a value has in an index; 0 where it may be too long for one."""
    in_openapi: str = ""
    """The type that has the same type and format in OpenAPI: `str` for an e-mail address; itself if empty."""
    has_order: bool = True
    """Whether records can be ordered by it; not if its values may be too long for that."""
    few_values: bool = False
    """Whether many records have the same value, whatever a field limits."""
    several_forms: bool = False
    """Whether JSON may have equal values in several forms, so that a list of them is not searched for one."""
    has_words: bool = False
    """Whether callers can search its values for a text."""
    free_text: bool = False
    """Whether anything can be written there, and so something secret."""
    personal: str = ""
    """What its values are that are about a person: `an e-mail address`; empty if they are not."""

    def read(self, text: str) -> Plain:
        """The value that an answer gives; raise `ValueError` for an invalid one."""
        try:
            return self.parse(text)
        except InvalidOperation as error:
            raise ValueError(text) from error


def counting(first: int, last: int) -> dict[str, object]:
    """A whole number that is another one in each draft, as long as there are any."""
    return {"$count": [first, last]}


def as_it_is(text: str) -> str:
    """A text that is the same in each draft, whatever is in it."""
    return text.replace("{", "{{").replace("}", "}}")


def _matching(pattern: str, most: int) -> Callable[[str], str]:
    """A parser of text that has a form and no more than so many characters."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII) or len(text) > most:
            raise ValueError(text)
        return text

    return parse


def _line(text: str) -> str:
    if not 1 <= len(text) <= 200 or any(character < " " for character in text):
        raise ValueError(text)
    return text


def _text(text: str) -> str:
    if len(text) > 10_000:
        raise ValueError(text)
    return text


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,10}", text, re.ASCII) or not -(2**31) <= int(text) < 2**31:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    number = float(text) if re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,15})?([eE][+-]?\d{1,3})?", text, re.ASCII) else math.nan
    if not math.isfinite(number):
        raise ValueError(text)
    return number


FLAGS = {"true": True, "True": True, "false": False, "False": False}
"""As YAML and as Python write it."""


def _flag(text: str) -> bool:
    if text not in FLAGS:
        raise ValueError(text)
    return FLAGS[text]


def _amount(text: str) -> str:
    if not re.fullmatch(r"-?\d{1,12}(\.\d{1,2})?", text, re.ASCII):
        raise ValueError(text)
    return str(Decimal(text))


def _instant(text: str) -> str:
    instant = datetime.datetime.fromisoformat(text)
    if instant.tzinfo is None or len(text) < len("2026-03-02T09:30Z"):
        raise ValueError(text)
    return instant.isoformat()


_WORD = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
EMAIL = rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_WORD}(\.{_WORD})*"
"""As browsers check it (WHATWG HTML)."""
URL = r"https?://[A-Za-z0-9\[][!#-;=?-\[\]_a-z~]*"
"""With the characters that a URL may have (RFC 3986)."""

# The limits of definitions are those of the columns; patterns mean the same in Python and in JSON Schema.
FIELD_TYPES: Mapping[str, FieldType] = {
    it.name: it
    for it in (
        FieldType(
            name="str",
            alias="ShortText",
            definition=r'Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]',
            column="sa.String(255)",
            example="a few words {number}",
            parse=_line,
            answer_example="'one line of at most 200 characters'",
            blank="anonymised",
            blank_of_its_own="{id}",
            accepted_by=("text",),
            limited_by="length",
            least=Decimal(1),
            most=Decimal(255),
            has_patterns=True,
            index_bytes=4 * 255,
            has_words=True,
            free_text=True,
        ),
        FieldType(
            name="text",
            alias="Text",
            definition=r'Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")]',
            column="sa.Text",
            example="Two lines\nof text {number}.",
            parse=_text,
            answer_example="'at most 10,000 characters'",
            blank="",
            limited_by="length",
            most=Decimal(10_000),
            index_bytes=0,
            in_openapi="str",
            has_order=False,
            has_words=True,
            free_text=True,
        ),
        FieldType(
            name="int",
            alias="Integer",
            definition="Annotated[int, Field(ge=-(2**31), le=2**31 - 1), BeforeValidator(_number)]",
            column="sa.Integer",
            example=counting(1, 2**31 - 1),
            parse=_integer,
            answer_example="3",
            blank=0,
            accepted_by=("float",),
            limited_by="range",
            least=Decimal(-(2**31)),
            most=Decimal(2**31 - 1),
        ),
        FieldType(
            name="float",
            alias="Number",
            definition="Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_number)]",
            column="sa.Float",
            example=2.5,
            parse=_number,
            answer_example="2.5",
            blank=0.0,
            cast=float,
            limited_by="range",
            least=Decimal(-(10**15)),
            most=Decimal(10**15),
            decimals=6,
            several_forms=True,
        ),
        FieldType(
            name="bool",
            alias="Flag",
            definition="Annotated[bool, Strict()]",
            column="sa.Boolean",
            example=True,
            parse=_flag,
            answer_example="true or false",
            blank=False,
            imports=(("pydantic", "Strict"),),
            few_values=True,
            several_forms=True,
        ),
        FieldType(
            name="money",
            alias="Money",
            definition="Annotated[Decimal, BeforeValidator(amount), "
            'WithJsonSchema({"type": "string", "pattern": AMOUNT})]',
            column="columns.MoneyColumn",
            example="{number}.50",
            parse=_amount,
            answer_example="9.99",
            blank="0.00",
            imports=(("decimal", "Decimal"), ("pydantic", "WithJsonSchema")),
            constructor="amount",
            in_rules=('amount("12.50")', "models.py"),
            limited_by="range",
            least=Decimal("-999999999999.99"),
            most=Decimal("999999999999.99"),
            decimals=2,
            in_openapi="str",
            several_forms=True,
            financial=True,
        ),
        FieldType(
            name="date",
            alias="Date",
            definition=r'Annotated[date, _text_matching(r"\d{4}-\d\d-\d\d")]',
            column="sa.Date",
            example="{day}",
            parse=lambda text: datetime.date.fromisoformat(text).isoformat(),
            answer_example="2026-03-02",
            blank="1900-01-01",
            imports=(("datetime", "date"),),
            constructor="parse_date",
            in_rules=('parse_date("2026-03-01")', "models.py"),
        ),
        FieldType(
            name="datetime",
            alias="Instant",
            definition=r"Annotated[AwareDatetime, "
            r'_text_matching(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"), '
            r"AfterValidator(_in_utc)]",
            column="columns.InstantColumn",
            example="{day}T09:30:00Z",
            parse=_instant,
            answer_example="2026-03-02T09:30:00+00:00",
            blank="1900-01-01T00:00:00Z",
            imports=(("pydantic", "AfterValidator"), ("pydantic", "AwareDatetime")),
            constructor="parse_datetime",
            in_rules=("now()", "utils.py"),
            several_forms=True,
        ),
        FieldType(
            name="email",
            alias="Email",
            definition=f'Annotated[str, Field(max_length=254, pattern=r"^{EMAIL}$")]',
            column="sa.String(254)",
            example="someone{number}@example.com",
            parse=_matching(EMAIL, 254),
            answer_example="'somebody@example.com'",
            blank="anonymised@example.invalid",
            blank_of_its_own="{id}@example.invalid",
            accepted_by=("str", "text"),
            index_bytes=254,
            in_openapi="str",
            has_words=True,
            personal="an e-mail address",
        ),
        FieldType(
            name="url",
            alias="Url",
            definition=f'Annotated[str, Field(max_length=2_000, pattern=r"^{URL}$")]',
            column="sa.String(2000)",
            example="https://example.com/page/{number}",
            parse=_matching(URL, 2_000),
            answer_example="'https://example.com/'",
            blank="https://example.invalid/",
            blank_of_its_own="https://example.invalid/{id}",
            accepted_by=("text",),
            index_bytes=2_000,
            in_openapi="str",
            has_order=False,
            has_words=True,
        ),
        FieldType(
            name="uuid",
            alias="Id",
            definition='Annotated[UUID, _text_matching(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")]',
            column="sa.Uuid",
            example="0198f5a0-0000-7000-8000-{number:012}",
            parse=lambda text: str(uuid.UUID(text)),
            answer_example="'00000000-0000-4000-8000-000000000000'",
            blank="00000000-0000-0000-0000-000000000000",
            blank_of_its_own="{id}",
            constructor="parse_uuid",
            in_rules=("parse_uuid(text)", "models.py"),
        ),
    )
}
