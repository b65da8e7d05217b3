"""Formats generated Python as `ruff format` does, so that it needs no formatting afterwards."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

Natural = list[tuple[bool, int, str]]
"""What texts with numbers are compared by."""

LINE_LENGTH = 100
"""The line length of generated projects, as in their `pyproject.toml`."""

TOKEN = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\[({]|[\])}]|, ?| for | if |.""", re.DOTALL)


def display_width(code: str) -> int:
    """The columns of a line: two for a wide character, none for a combining one."""
    return sum(2 if unicodedata.east_asian_width(it) in "WF" else not unicodedata.combining(it) for it in code)


def wrap(code: str, indent: int = 0, after: int = 0) -> str:
    """The code in as many lines as it needs, from column `indent` on, with room for `after` more characters.

    The first bracket is opened: what is in it goes on its own line, or else each item does. Items of a list, a
    tuple or a dictionary are never left together.
    """
    if indent + display_width(code) + after <= LINE_LENGTH or not (found := _bracket(code)):
        return code
    return _opened(code, found, indent, after)


def _opened(code: str, found: tuple[int, int], indent: int, after: int = 0) -> str:
    """The code with what is in a bracket on lines of its own."""
    start, end = found
    head, body, tail = code[: start + 1], code[start + 1 : end], code[end:]
    indent_inside = indent + 4
    applied = start > 0 and (code[start - 1].isalnum() or code[start - 1] in "_])")  # a call or a subscript
    items, comprehension = list(_split(body, ",")), list(_split(body, " for "))
    if applied and indent_inside + display_width(body) <= LINE_LENGTH:
        lines = [body]
    elif len(comprehension) > 1:
        together = indent_inside + display_width(body) <= LINE_LENGTH
        lines = [body] if together else list(_clauses(comprehension, indent_inside))
    elif len(items) == 1 and head.endswith("[") and applied:
        inner, union, _ = body.partition(" | None") if body.endswith(" | None") else (body, "", "")
        lines = [wrap(inner, indent_inside), *filter(None, [union.strip()])]  # a comma would make a tuple of it
    else:
        lines = [wrap(item, indent_inside, 1) + "," for item in items]
    pad = " " * indent
    return "\n".join([head, *(f"{pad}    {it}" for it in lines), f"{pad}{wrap(tail, indent, after)}"])


def assignment(head: str, value: str, indent: int = 4) -> str:
    """An assignment, with the value in parentheses if it only fits that way."""
    whole, pad = f"{head} = {value}", " " * indent
    found, breakable = _bracket(value), _bracket(head)
    fits = indent + display_width(whole) <= LINE_LENGTH
    if not fits and found and breakable and indent + display_width(f"{head} = {value[: found[0] + 1]}") <= LINE_LENGTH:
        return f"{head} = {_opened(value, found, indent)}"
    widths = display_width(f"{head} = ("), 4 + display_width(value)
    # A text that fits nowhere stays beside a plain name, and not beside an annotation that could be broken.
    opened = indent + (widths[0] if breakable and not found else max(widths)) <= LINE_LENGTH
    if fits or not opened or (found and not breakable):
        return wrap(whole, indent)
    return f"{head} = (\n{pad}    {value}\n{pad})"


def import_from(module: str, *names: str) -> str:
    """The import of names, sorted as linters want them: constants, classes, functions."""
    ordered = sorted(names, key=lambda it: (_kind(it), _natural(it.lower()), _natural(it)))
    whole = f"from {module} import {', '.join(ordered)}"
    if display_width(whole) <= LINE_LENGTH:
        return whole
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in ordered), ")"])


def module_of(statement: str) -> tuple[Natural, ...]:
    """What import statements are sorted by: their module, with numbers by their value."""
    return tuple(map(_natural, statement.split()[1].split(".")))


def _kind(name: str) -> int:
    """Whether linters take a name for a constant, a class or a function; one letter is no constant."""
    if name.isupper() and len(name) > 1:
        return 0
    return 1 if name[:1].isupper() else 2


def _natural(text: str) -> Natural:
    """What a text is sorted by: its numbers by their value, one that begins with 0 before others, digit by digit."""
    parts = re.split(r"(\d+)", text)
    return [(it[:1] != "0", int(it) if it[:1] != "0" else 0, it) if it.isdigit() else (False, 0, it) for it in parts]


def optional_field(declaration: str, indent: int = 4) -> str:
    """A declaration that ends with `| None`, and `None` as its value."""
    if indent + display_width(f"{declaration} = (") <= LINE_LENGTH:
        return assignment(declaration, "None", indent)
    name, _, union = declaration.partition(": ")
    inner, pad = union.removesuffix(" | None"), " " * indent
    together = indent + 4 + display_width(union) <= LINE_LENGTH
    lines = [union] if together else [wrap(inner, indent + 4), "| None"]
    return "\n".join([f"{name}: (", *(f"{pad}    {it}" for it in lines), f"{pad}) = None"])


def if_different(left: str, right: str, indent: int = 4) -> str:
    """The first line of an `if` that holds when two expressions differ, split if it is too long."""
    whole, pad = f"if {left} != {right}:", " " * indent
    if indent + display_width(whole) <= LINE_LENGTH:
        return whole
    return f"if (\n{pad}    {left}\n{pad}    != {right}\n{pad}):"


def _clauses(parts: list[str], indent: int) -> Iterator[str]:
    """The element of a comprehension, then each of its loops."""
    element, *loops = parts
    yield element
    for loop in loops:
        source, other, rest = f"for {loop}".partition(" or ")
        if other and indent + display_width(f"for {loop}") > LINE_LENGTH:
            yield source
            yield f"or {rest}"
        else:
            yield wrap(f"for {loop}", indent)


def _bracket(code: str) -> tuple[int, int] | None:
    """Where the first bracket with something in it opens and closes."""
    depth = start = 0
    for found in TOKEN.finditer(code):
        if found[0] in tuple("[({"):
            start = start if depth else found.start()
            depth += 1
        elif found[0] in tuple("])}") and depth:
            depth -= 1
            if not depth and found.start() > start + 1:
                return start, found.start()
    return None


def _split(body: str, separator: str) -> Iterator[str]:
    """The parts between separators that are in no bracket and no string."""
    depth = begin = 0
    for found in TOKEN.finditer(body):
        depth += (found[0] in tuple("[({")) - (found[0] in tuple("])}"))
        if not depth and found[0].strip(" ") == separator.strip(" ") and len(found[0]) >= len(separator):
            yield body[begin : found.start()]
            begin = found.end()
    if body[begin:]:
        yield body[begin:]
