"""The questionnaire as JSON Schema 2020-12, for editors and for programs that write answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from ..answer_shapes import Kind, Shape
from ..answers import LONGEST
from ..catalogue import Catalogue
from ..domain import SENSITIVE_KINDS
from ..names import LONGEST as LONGEST_NAME
from ..questionnaire import Question
from ..reading import entities
from ..reading.access import KEYS as ACCESS_KEYS
from ..reading.audit import KEYS as AUDIT_KEYS
from ..reading.events import EVENT_KEYS, EVENT_REQUIRED, KEEP_KEYS, REACTION_KEYS
from ..reading.grammar import FLAG_MARKS, TOGETHER
from ..reading.person import KEYS as PERSON_KEYS
from ..reading.retention import KEYS as RETENTION_KEYS
from ..reading.services import DEPENDENCY_KEYS
from ..reading.tenants import KEYS as TENANTS_KEYS
from ..reading.workflows import KEYS as WORKFLOW_KEYS
from ..reading.workflows import REQUIRED as WORKFLOW_REQUIRED
from ..reading.workflows import STEP_TIMEOUT_S

Json = dict[str, Any]

TEXT: Json = {"type": "string", "maxLength": LONGEST}
LINE: Json = {
    "description": "A line of text; YAML makes a mapping of one key out of a line with a colon.",
    "anyOf": [
        TEXT,
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": {"type": ["string", "null"]},
        },
    ],
}
LINES: Json = {"anyOf": [LINE, {"type": "array", "items": LINE}]}
FLAG: Json = {"type": "boolean"}
BARE = r"^(not needed|defer)(: [\s\S]+)?$"
DAY = r"^\d{4}-\d{2}-\d{2}$"

STATED: Json = {
    "description": "No value yet, or none ever: tbd; not needed: <reason>; defer: <trigger>, <who then answers>.",
    "anyOf": [
        {"const": "tbd"},
        {"type": "null"},
        {"type": "string", "pattern": BARE, "maxLength": LONGEST},
        {
            "type": "object",
            "properties": {"not needed": TEXT},
            "required": ["not needed"],
            "additionalProperties": False,
        },
        {"type": "object", "properties": {"defer": TEXT}, "required": ["defer"], "additionalProperties": False},
    ],
}

NAMES: Mapping[str, Json] = {
    "project_name": {"type": "string", "minLength": 1, "maxLength": 80, "pattern": r"^[^\n]*\S[^\n]*$"},
    "project_slug": {"type": "string", "pattern": "^[a-z][a-z0-9]*(_[a-z0-9]+)*$", "maxLength": LONGEST_NAME},
    "decided_on": {"type": "string", "pattern": r"^(\d{4}-\d{2}-\d{2})?$"},
}
"""Answers that have their own form."""

UNASKED = ("guard",)
"""What nobody answers."""


def of(questions: Iterable[Question], catalogue: Catalogue) -> Json:
    """The schema of an answers file."""
    asked = [question for question in questions if question.name not in UNASKED]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Answers to the questionnaire of groundplan",
        "type": "object",
        "properties": {question.name: _question(question, catalogue) for question in asked}
        | {"_src_path": TEXT, "_commit": TEXT},
        "required": [question.name for question in asked if question.required],
        "additionalProperties": False,
        "$defs": {"stated": STATED, "line": LINE, "lines": LINES},
    }


def _question(question: Question, catalogue: Catalogue) -> Json:
    described: Json = {"description": _description(question, catalogue)}
    if question.default is not None and "{{" not in str(question.default):
        described["default"] = question.default
    if question.example:
        described["examples"] = [_plain(yaml.safe_load(question.example))]
    value = _value(question, catalogue)
    if not question.about:
        return described | value
    return described | {"anyOf": [*_states(question), value, _assumed(question, value)]}


def _description(question: Question, catalogue: Catalogue) -> str:
    decision = next((it for it in catalogue.decisions if it.id == question.name), None)
    description = decision.question if decision else question.question
    if question.name.endswith("_because"):
        of = question.name.removesuffix("_because")
        description = (
            f"What belongs to the state of {of}: the reason, what brings it up again and who then answers, or a value."
        )
    return description + (f" (guide {', '.join(question.guide)})" if question.guide else "")


def _states(question: Question) -> list[Json]:
    if question.many:
        alone = {"anyOf": [{"enum": ["tbd", "assume"]}, {"type": "string", "pattern": BARE}]}
        return [{"type": "array", "items": alone, "minItems": 1, "maxItems": 1}]
    if question.type == "str":
        return [{"enum": ["tbd", "assume"]}, {"type": "string", "pattern": BARE, "maxLength": LONGEST}]
    return [{"$ref": "#/$defs/stated"}]


def _assumed(question: Question, value: Json) -> Json:
    """`assume: <value>`, in a line or, for lists and tables, as a mapping."""
    if question.choices:
        line: Json = {"enum": [f"assume: {choice}" for choice in question.choices]}
        return {"type": "array", "items": line, "minItems": 1, "maxItems": 1} if question.many else line
    if question.type == "str":
        return {"type": "string", "pattern": r"^assume: [\s\S]+"}
    return {"type": "object", "properties": {"assume": value}, "required": ["assume"], "additionalProperties": False}


def _value(question: Question, catalogue: Catalogue) -> Json:
    """A value of a question, in addition to any states."""
    if question.name in NAMES:
        return NAMES[question.name]
    if question.name == "decision_overrides":
        return _overrides(catalogue)
    if question.choices:
        choice: Json = {"enum": list(question.choices)}
        if question.many:
            return {"type": "array", "items": choice, "minItems": int(bool(question.about)), "uniqueItems": True}
        return choice
    if question.items:
        return _list(question.items, least=int(bool(question.about)))
    if question.table:
        return _object(question.table, required=())
    if question.bounds:
        return {"type": "integer", "minimum": question.bounds[0], "maximum": question.bounds[1]}
    if question.name == "data_entities":
        return _entities()
    if question.name == "workflows":
        whole = {"type": "integer", "minimum": STEP_TIMEOUT_S[0], "maximum": STEP_TIMEOUT_S[1]}
        listed = _lines_or(WORKFLOW_KEYS, {"steps": LINES, "timeout": whole}, WORKFLOW_REQUIRED)
        return {"anyOf": [{"type": "null"}, *listed["anyOf"]]}
    if question.name == "access":
        return _by_entity(ACCESS_KEYS, dict.fromkeys(ACCESS_KEYS[1:-1], LINES) | {"owner": TEXT})
    if question.name == "audit":
        return _by_entity(AUDIT_KEYS, dict.fromkeys(AUDIT_KEYS[1:], LINES), least=0)
    if question.name == "retention":
        time = {"type": ["string", "integer"]}
        return _by_entity(RETENTION_KEYS, {"delete": time, "anonymise": time, "after": TEXT}, least=0)
    if question.name == "person":
        return _by_entity(PERSON_KEYS, dict.fromkeys(PERSON_KEYS[1:], TEXT), least=0)
    if question.name == "tenants":
        line = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": {"type": "string"}}
        full = _full(TENANTS_KEYS, {"shared": LINES}, TENANTS_KEYS[:1])
        return {"anyOf": [TEXT, full, line, {"type": "object", "maxProperties": 0}]}
    by_type: Mapping[str, Json] = {"str": TEXT, "bool": FLAG, "int": {"type": "integer"}}
    return by_type.get(question.type, {"type": "object"})


def _list(shape: Shape, least: int) -> Json:
    """Items in short or in full, or a mapping from names to texts."""
    short = {
        "description": f"{shape.name}: {shape.text}",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": {"not": {"enum": list(shape.keys)}},
        "additionalProperties": {"anyOf": [_kind(shape.parts[shape.text]), {"type": "null"}]},
    }
    item: Json = {"anyOf": [TEXT, short, _object(shape, required=(shape.name,))]}
    named = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"not": {"enum": [*shape.keys, "assume", "defer", "not needed"]}},
        "additionalProperties": {"anyOf": [_kind(shape.parts[shape.text]), {"type": "null"}]},
    }
    return {"anyOf": [{"type": "array", "items": item, "minItems": least}, named]}


def _object(shape: Shape, required: tuple[str, ...]) -> Json:
    properties = {name: _kind(kind) for name, kind in shape.parts.items()}
    found: Json = {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1}
    return found | {"required": list(required)} if required else found


def _kind(kind: Kind) -> Json:
    """What one part may be."""
    described: Json = {"description": str(kind)}
    match kind.name:
        case "choice":
            return {"enum": list(kind.words)}
        case "amount":
            return described | {"type": ["string", "number"]}
        case "number":
            bounds = {"exclusiveMinimum": kind.low, "maximum": kind.high} if kind.high is not None else {}
            return described | {"type": "number"} | bounds
        case "whole":
            bounds = {"minimum": kind.low, "maximum": kind.high} if kind.high is not None else {}
            return described | {"type": "integer"} | bounds
        case "date":
            return described | {"type": "string", "pattern": DAY}
        case "flag":
            return described | {"type": "boolean"}
        case "texts":
            return described | {"$ref": "#/$defs/lines"}
        case "services":
            return described | {"type": ["string", "array"], "items": TEXT}
        case "dependencies":
            parts = dict(zip(DEPENDENCY_KEYS, (TEXT, {"enum": ["refuse", "accept"]}), strict=True))
            full = {"type": "object", "properties": parts, "required": ["service"], "additionalProperties": False}
            return described | {"anyOf": [TEXT, full, {"type": "array", "items": {"anyOf": [TEXT, full]}}]}
        case "events":
            return described | _lines_or(EVENT_KEYS, {"operations": LINES, "fields": LINES}, EVENT_REQUIRED)
        case "subscriptions":
            kept = _full(KEEP_KEYS, {}, KEEP_KEYS)
            return described | _lines_or(REACTION_KEYS, {"with": {"type": "object"}}, REACTION_KEYS[:-1], kept)
    return described | TEXT


def _lines_or(keys: tuple[str, ...], special: Mapping[str, Json], required: tuple[str, ...], *others: Json) -> Json:
    """Lines of a small language, or the same in full."""
    one = {"anyOf": [{"$ref": "#/$defs/line"}, _full(keys, special, required), *others]}
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _full(keys: tuple[str, ...], special: Mapping[str, Json], required: tuple[str, ...]) -> Json:
    """The same as such a line, in full."""
    properties = {key: special.get(key, TEXT) for key in keys}
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _by_entity(keys: tuple[str, ...], parts: Mapping[str, Json], least: int = 1) -> Json:
    """A line or a mapping for each entity, which the first key names."""
    about = {"type": "object", "properties": dict(parts), "additionalProperties": False}
    named = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"not": {"enum": [*keys, "assume", "defer", "not needed"]}},
        "additionalProperties": {"anyOf": [TEXT, about]},
    }
    one = {"anyOf": [*_lines_or(keys, parts, keys[:1])["anyOf"][0]["anyOf"], named]}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": least}]}


def _overrides(catalogue: Catalogue) -> Json:
    """Own words about decisions, by the decision's id."""

    def words(options: Iterable[str]) -> Json:
        rejected = {"type": "object", "properties": dict.fromkeys(options, TEXT), "additionalProperties": False}
        keys = {"why": TEXT, "rejected": rejected, "revisit": TEXT, "confirmed_by": TEXT}
        return {"type": "object", "properties": keys, "additionalProperties": False}

    named = {it.id: words(option.name for option in it.options) for it in catalogue.decisions}
    return {"type": "object", "properties": named, "additionalProperties": False}


def _entities() -> Json:
    """Entities and value objects, a line each or in full."""
    described = {key: FLAG if key in FLAG_MARKS else TEXT for key in entities.FIELD_KEYS}
    kind: Json = {"enum": list(SENSITIVE_KINDS)}
    described["sensitive"] = {"anyOf": [kind, {"type": "array", "items": kind, "minItems": 1}]}
    described["default"] = {"type": ["string", "number", "boolean"]}
    field = {"type": "object", "properties": described, "required": ["type"], "additionalProperties": False}
    fields = {
        "anyOf": [LINES, {"type": "object", "additionalProperties": {"anyOf": [{"type": ["string", "null"]}, field]}}]
    }
    together = {"anyOf": [LINES, {"type": "array", "items": {"type": "array", "items": TEXT}}]}
    named: Json = dict.fromkeys(entities.LIST_KEYS, LINES)
    forms: Mapping[str, Json] = {
        "fields": fields,
        "kind": {"enum": ["entity", "value"]},
        "list": {"anyOf": [TEXT, {"type": "object", "properties": named, "additionalProperties": False}]},
        "operations": LINES,
        "private": FLAG,
    }
    properties = {key: together if key in TOGETHER else forms.get(key, TEXT) for key in entities.KEYS}
    full = {"type": "object", "properties": properties, "required": ["name", "fields"], "additionalProperties": False}
    pattern = r"^\s*((value|private)\s+)?[\w.]+\s*\((.|\n)*\)\s*(;(.|\n)*)?$"
    line = {"type": "string", "pattern": pattern, "description": entities.EXAMPLE}
    unquoted = {"type": "object", "minProperties": 1, "maxProperties": 1, "propertyNames": {"pattern": r"\("}}
    return {"anyOf": [{"type": "array", "items": {"anyOf": [line, full, unquoted]}, "minItems": 1}, line, full]}


def _plain(value: object) -> object:
    """Days as text, which is all that JSON has for them."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
