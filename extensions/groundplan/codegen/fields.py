"""The fields of generated models, and the types that `services/common/models.py` defines for them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from ..domain import Field, Type
from ..field_types import FIELD_TYPES, FieldType
from ..formatting import assignment, import_from, optional_field, wrap
from ..text import py


@dataclass(frozen=True)
class FieldCode:
    """A field of a model."""

    field: Field
    limited: bool = False
    """Whether its values keep the limits of the field, as those do that callers send and those that are stored."""

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def annotation(self) -> str:
        plain = annotation(self.field.type, self.limited)
        if self.field.secret:
            return f"common.Secret[{plain}]"
        return f"common.Sensitive[{plain}]" if self.field.sensitive else plain

    @property
    def declaration(self) -> str:
        """The field as a line of a class body."""
        head, default = f"{self.name}: {self.annotation}", self.field.default
        if self.field.type.optional:
            return assignment(head, "None") if self.field.kinds else optional_field(head)
        return wrap(head, 4) if default is None else assignment(head, literal(self.field.type, default))


def field_codes(fields: Iterable[Field], limited: bool = False) -> tuple[FieldCode, ...]:
    return tuple(FieldCode(it, limited) for it in fields)


def annotation(type: Type, limited: bool = False) -> str:
    """The type as an annotation."""
    if type.kind == "choice":
        inner = f"Literal[{', '.join(map(py, type.choices))}]"
    else:
        inner = type.target if type.kind == "value" else f"common.{field_type(type).alias}"
    if metadata := ", ".join(_metadata(type, limited)):
        inner = f"Annotated[{inner}, {metadata}]"
    return (f"common.Many[{inner}]" if type.many else inner) + (" | None" if type.optional else "")


def _metadata(type: Type, limited: bool) -> Iterator[str]:
    """What an annotation says besides the type."""
    limits = type.limits
    if limited and limits.restrict:
        names = {"length": ("min_length", "max_length"), "range": ("ge", "le")}[field_type(type).limited_by]
        ends = zip(names, (limits.least, limits.most), strict=True)
        given = [f"{name}={_number(type, end)}" for name, end in ends if end is not None]
        given += [f"pattern={py(limits.pattern)}"] if limits.pattern else []
        yield f"common.Limits({', '.join(given)})"
    if description := _description(type):
        yield f"Field(description={py(description)})"


def _number(type: Type, value: Decimal) -> str:
    """A limit as Python: whole if it can be."""
    if value == int(value):
        return str(int(value))
    return literal(type, str(value) if field_type(type).constructor else float(value))


def _description(type: Type) -> str:
    """What JSON Schema has no word for: the currency of an amount, and its range."""
    if type.field_type is None or not type.field_type.financial:
        return ""
    limits = type.limits
    ends = ("" if it is None else f"{word} {it:,f}" for word, it in (("from", limits.least), ("to", limits.most)))
    said = " ".join(filter(None, (f"in {limits.currency}" if limits.currency else "", *ends)))
    return f"An amount {said}." if said else ""


def literal(type: Type, value: object) -> str:
    """A value as Python: a literal, or a call of the type's constructor in the generated models."""
    if type.kind in FIELD_TYPES and (constructor := FIELD_TYPES[type.kind].constructor):
        return f"common.{constructor}({py(str(value))})"
    return py(json_value(type, value))


def json_value(type: Type, value: object) -> object:
    """A value of JSON as one of the Python type."""
    cast = FIELD_TYPES[type.kind].cast if type.kind in FIELD_TYPES else None
    return cast(value) if cast and isinstance(value, (str, int, float)) else value


def field_type(type: Type) -> FieldType:
    """The field type of a plain value, or of the id by which a reference is kept."""
    assert type.field_type
    return type.field_type


@dataclass(frozen=True)
class FieldTypesCode:
    """The field types that a project's `services/common/models.py` defines: those that its records and fields have."""

    in_fields: frozenset[str]
    """By name, those of fields; records have an id and two points in time whatever fields there are."""
    limited: bool = False
    """Whether the values of some fields keep limits."""
    renamed: bool = False
    """Whether some fields had other names."""

    @property
    def types(self) -> tuple[FieldType, ...]:
        return tuple(it for it in FIELD_TYPES.values() if it.name in self.in_fields | RECORD_TYPES)

    @property
    def aliases(self) -> tuple[str, ...]:
        """The annotated types, as Python."""
        return tuple(assignment(it.alias, it.definition, 0) for it in self.types)

    def models_import(self, *names: str) -> str:
        """The import of names of `services/common/models.py`."""
        return import_from("services.common.models", *names)

    @property
    def helpers(self) -> frozenset[str]:
        """The names that the types use, and the constructors of those in fields."""
        words = {word for it in self.types for word in re.findall(r"\w+", it.definition)}
        return frozenset(words | {it.constructor for it in self.types if it.name in self.in_fields})

    @property
    def imports(self) -> tuple[str, ...]:
        """The imports of the module, each group after an empty line."""
        limits = LIMITS_IMPORTS if self.limited else ()
        renamed = RENAMED_IMPORTS if self.renamed else ()
        return _grouped((*(it for type in self.types for it in type.imports), *limits, *renamed))


RECORD_TYPES = {"uuid", "datetime"}
"""The field types of what every record has."""


def used_field_types(types: Iterable[Type]) -> frozenset[str]:
    """The names of the field types among the types of fields."""
    return frozenset(it.field_type.name for it in types if it.field_type)


def _grouped(imports: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Imports of names from modules as statements, those of the standard library before others."""
    names = {module: list(used) for module, used in COMMON_MODEL_IMPORTS.items()}
    for module, name in imports:
        names.setdefault(module, []).append(name)
    statements = [import_from(module, *dict.fromkeys(names[module])) for module in sorted(names)]
    standard = [it for it in statements if it.split()[1].partition(".")[0] in sys.stdlib_module_names]
    others = [it for it in statements if it not in standard]
    return ("import re", *standard, "", *others)


LIMITS_IMPORTS = (
    *(("pydantic", it) for it in ("GetCoreSchemaHandler", "GetJsonSchemaHandler", "TypeAdapter", "ValidationError")),
    ("pydantic", "ValidationInfo"),
    ("pydantic_core", "PydanticKnownError"),
    ("pydantic_core", "core_schema"),
)
"""What it imports where the values of fields keep limits."""

RENAMED_IMPORTS = (
    ("collections.abc", "Mapping"),
    ("typing", "ClassVar"),
    ("pydantic", "model_validator"),
)
"""What it imports where fields had other names."""

COMMON_MODEL_IMPORTS = {
    "datetime": ("UTC", "datetime"),
    "typing": ("Annotated", "Any", "Generic", "TypeVar"),
    "uuid": ("UUID",),
    "pydantic": ("BaseModel", "BeforeValidator", "ConfigDict", "Field"),
}
"""What that module imports whatever field types there are."""
