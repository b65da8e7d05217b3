"""Whatever is asked for, the code that comes of it is formatted, linted, typed, and passes its own tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from conftest import Generate
from groundplan import catalogue, project, text
from projects import REPOSITORY, model, need_postgres, run, uses_postgres

HOSTILE = (
    '"quotes", \'more\' and """three"""',
    "{{ project }} {% raw %} {# no comment #} {%- x -%}",
    "two\nlines\n\n# a heading\n- an item\n---\n",
    "a: b # no comment, &anchor *alias !tag | > % @",
    "back\\slash \\n \\u0041 \\",
    "emoji 🎉, letters é ß 日本語, \u202eright to left\u202c مرحبا",
    "*md* _em_ `code` [link](http://x) ![i](y) <b>html</b> <!-- c --> &amp;\n| a | b |\n|---|---|",
    "```\nfence\n```",
    "$HOME ${X} $(id) `id` %s %(x)s {0} {x}",
    'ends with a quote"',
    "ends with a backslash\\",
    "null",
    "0x10",
    "x" * 5_000,
)
"""Texts that mean something to a language in which they are written down."""

EVERY_TYPE = ", ".join(
    f"{kind}_{form}: {shape.format(kind)}"
    for kind in "str text int float bool money date datetime email url uuid a|b".split()
    for form, shape in (("one", "{}"), ("maybe", "{}?"), ("many", "list[{}]"), ("some", "list[{}]?"))
    for kind in [kind]
).replace("a|b_", "choice_")

DEFAULTS = (
    "str: 'it is \"so\" \\\\ # {{ x }}'|text: 'two\nlines'|int: -5|float: 1e300|bool: true|money: -0.5"
    "|date: 2026-03-01|datetime: 2026-03-01T09:30:00+02:00|email: 'a@b.example'|url: 'https://a.example/b'"
    "|uuid: 0198f5a0-0000-7000-8000-000000000001"
)
DEFAULTED = ", ".join(
    f"given_{kind}: {kind} = {value}" for kind, _, value in (it.partition(": ") for it in DEFAULTS.split("|"))
)


def long(start: str) -> str:
    """As long a name as there may be."""
    return (start + "_abcdefgh" * 5)[:40].rstrip("_").ljust(40, "z")


KINDS: dict[str, Any] = {
    "project_name": "Every kind",
    "concept": " ".join(HOSTILE[:7]),
    "architecture_style": "services",
    "storage_kind": "sqlite",
    "services": [
        {"name": "kinds", "responsibility": HOSTILE[0], "publishes": ["kind.seen on create, update, delete Kind"]},
        {"name": "empty", "responsibility": HOSTILE[2]},
        {
            "name": "literals",
            "exposure": "internal",
            "responsibility": HOSTILE[3],
            "subscribes": [
                "on kind.seen: create Literals(kind: id, str: str_one, text: '{{ x }} \\'so\\'', int: -7, float: 2, "
                "bool: false, money: 3, date: '2026-12-31', datetime: '2026-12-31T23:59:59Z', email: email_one, "
                "url: 'https://a.example/', choice: b, many: text_many, none: str_maybe)".replace("str: str_one, ", ""),
                "keep Kind",
            ],
        },
    ],
    "data_entities": [
        f"kinds.Kind({EVERY_TYPE}, {DEFAULTED})".replace("text: text = ", "text: text = "),
        "literals.Literals(kind: uuid, text: text, int_value: int = 0, number: float, flag: bool, cost: money, "
        "day: date, at: datetime, by: email, page: url, choice: a|b, many: list[text], none: str?)",
    ],
    "external_apis": [
        {"name": "sms", "purpose": HOSTILE[1], "used_by": ["kinds", "literals"], "critical": True, "timeout_s": 2.5}
    ],
    "mvp_features": [
        {"name": f"{index}: {it}"[:200], "outcome": it, "services": ["kinds"], "acceptance": [it, it[::-1]]}
        for index, it in enumerate(HOSTILE)
    ],
    "personas": [{"name": it[:200], "goal": it} for it in HOSTILE],
    "out_of_scope": [{"item": it[:200], "reason": it} for it in HOSTILE],
    "glossary": [{"term": it[:200], "meaning": it} for it in HOSTILE],
    "constraints": [{"what": it[:200], "source": it} for it in HOSTILE],
    "failure_handling": [{"scenario": it[:200], "behaviour": it, "service": "kinds"} for it in HOSTILE],
    "future_features": [{"name": it[:200], "reason": it} for it in HOSTILE],
}
KINDS["services"][2]["subscribes"][0] = (
    "on kind.seen: create Literals(kind: id, text: '{{ x }} \\'so\\'', int_value: -7, number: 2, flag: false, "
    "cost: 3, day: '2026-12-31', at: '2026-12-31T23:59:59Z', by: email_one, page: 'https://a.example/', choice: b, "
    "many: text_many, none: str_one)"
)
