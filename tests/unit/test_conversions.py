"""What a migration makes of a value whose type changes says the same, or is refused."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from groundplan.codegen.example_drafts import filled
from groundplan.field_types import FIELD_TYPES

(SOURCE,) = (Path(__file__).resolve().parents[2] / "template" / "scripts").glob("*/conversions.py")


def load() -> ModuleType:
    """The module with conversions that generated projects have."""
    spec = importlib.util.spec_from_file_location("conversions", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def conversions() -> ModuleType:
    return load()


@pytest.mark.parametrize("name", FIELD_TYPES)
def test_a_value_of_a_type_stays_as_it_is(conversions: ModuleType, name: str) -> None:
    example = filled(FIELD_TYPES[name].example, 7)
    assert conversions.convert(example, name) == example


@pytest.mark.parametrize(
    ("name", "other"), [(name, other) for name, it in FIELD_TYPES.items() for other in it.accepted_by]
)
def test_a_value_that_is_valid_as_another_type_becomes_one(conversions: ModuleType, name: str, other: str) -> None:
    example = filled(FIELD_TYPES[name].example, 7)
    assert conversions.convert(example, other) == example


@pytest.mark.parametrize("type", FIELD_TYPES)
def test_nothing_stays_nothing(conversions: ModuleType, type: str) -> None:
    assert conversions.convert(None, type) is None
    assert conversions.convert([], type) is None


@pytest.mark.parametrize(
    ("value", "type"),
    [
        *((it, "int") for it in ("007", "+1", "1.0", "", "one", 2.5, 2**31, "-0", "1\n", True)),
        *((it, "float") for it in ("01", "nan", "inf", "1e999", "0.1234567890123456789", ".5", True)),
        *((it, "money") for it in (0.125, "1.234", 1e300, 10**12, "-.5")),
        *((it, "bool") for it in (0, 1, "True", "yes", "")),
        *((it, "date") for it in ("2026-02-30", "2026-03-01T00:00:01Z", "20260301", "2026-03-01T00:00:00+02:00")),
        *((it, "datetime") for it in ("2026-03-01T00:00:00", "2026-02-30", "now")),
        *((it, "uuid") for it in ("0198f5a0000070008000000000000001", "urn:uuid:0198f5a0-0000-7000-8000-000000000001")),
        *((it, "email") for it in ("<a@b.co>", "a@b.co.", "a", f"{'a' * 250}@b.co")),
        *((it, "url") for it in ("ftp://a", "https://a/é", f"https://a/{'a' * 2000}")),
        *((it, "str") for it in ("", "a\nb", "a" * 256, {"of": 1}, ["a"])),
        *((it, "text") for it in ("\x00", "a" * 10_001)),
        ("worn", "choice"),
        (1, "json"),
        (1, "tenant"),
    ],
)
def test_what_would_say_something_else_is_refused(conversions: ModuleType, value: object, type: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says, the migration tells how many there are
        conversions.convert(value, type, ("new", "used"))


@pytest.mark.parametrize(
    ("value", "type", "becomes"),
    [
        (3, "float", 3.0),
        (7.0, "int", 7),
        (-0.0, "int", 0),
        (12, "money", "12.00"),
        (0.1, "money", "0.10"),
        ("0.10", "float", 0.1),
        (1e20, "str", "1e+20"),
        (False, "str", "false"),
        ("2026-03-01T00:00:00Z", "date", "2026-03-01"),
        ("2026-03-01", "datetime", "2026-03-01T00:00:00Z"),
        ("2026-03-01T09:30:00+02:00", "datetime", "2026-03-01T07:30:00Z"),
        ("0198F5A0-0000-7000-8000-00000000000A", "uuid", "0198f5a0-0000-7000-8000-00000000000a"),
        ("a\nb", "text", "a\nb"),
        ("used", "choice", "used"),
    ],
)
def test_values_are_read_as_callers_write_them(
    conversions: ModuleType, value: object, type: str, becomes: object
) -> None:
    converted = conversions.convert(value, type, ("new", "used"))
    assert (converted, converted.__class__) == (becomes, becomes.__class__)
