"""Where `ruff format` breaks a line of Python that is too long, so that what is generated needs no formatting."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LINE_LENGTH = 100
"""Of the generated project, as its `pyproject.toml` tells the formatter."""

TOKEN = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\[({]|[\])}]|, ?| for | if |.""", re.DOTALL)


def width(code: str) -> int:
    """The columns that a line takes: two for each wide character, none for one that combines."""
    return sum(2 if unicodedata.east_asian_width(it) in "WF" else not unicodedata.combining(it) for it in code)


def wrapped(code: str, indent: int = 0, after: int = 0) -> str:
    """The code in as many lines as it needs, from column `indent` on, with room for `after` more characters.

    The first bracket is opened: what is in it goes on a line of its own, or else each item does. Items of a list, a
    tuple or a dictionary are never left together.
    """
    if indent + width(code) + after <= LINE_LENGTH or not (found := _bracket(code)):
        return code
    start, end = found
    head, body, tail = code[: start + 1], code[start + 1 : end], code[end:]
    indent_inside = indent + 4
    applied = start > 0 and (code[start - 1].isalnum() or code[start - 1] in "_])")  # a call or a subscript
    items, comprehension = list(_split(body, ",")), list(_split(body, " for "))
    if applied and indent_inside + width(body) <= LINE_LENGTH:
        lines = [body]
    elif len(comprehension) > 1:
        together = indent_inside + width(body) <= LINE_LENGTH
        lines = [body] if together else list(_clauses(comprehension, indent_inside))
    elif len(items) == 1 and head.endswith("[") and applied:
        lines = [wrapped(body, indent_inside)]  # a comma would make a tuple of it
    else:
        lines = [wrapped(item, indent_inside, 1) + "," for item in items]
    pad = " " * indent
    return "\n".join([head, *(f"{pad}    {it}" for it in lines), f"{pad}{wrapped(tail, indent, after)}"])


def assigned(head: str, value: str, indent: int = 4) -> str:
    """An assignment; a value without brackets is given some where it fits in them and would not without."""
    whole, pad = f"{head} = {value}", " " * indent
    opened = indent + max(width(f"{head} = ("), 4 + width(value)) <= LINE_LENGTH
    if indent + width(whole) <= LINE_LENGTH or _bracket(value) or not opened:
        return wrapped(whole, indent)
    return f"{head} = (\n{pad}    {value}\n{pad})"


def imported(module: str, name: str) -> str:
    """The import of a name; in brackets where it is too long."""
    whole = f"from {module} import {name}"
    return whole if width(whole) <= LINE_LENGTH else f"from {module} import (\n    {name},\n)"


def absent(declaration: str, indent: int = 4) -> str:
    """A declaration that ends with `| None`, and `None` as its value."""
    if indent + width(f"{declaration} = (") <= LINE_LENGTH:
        return assigned(declaration, "None", indent)
    name, _, union = declaration.partition(": ")
    inner, pad = union.removesuffix(" | None"), " " * indent
    together = indent + 4 + width(union) <= LINE_LENGTH
    lines = [union] if together else [wrapped(inner, indent + 4), "| None"]
    return "\n".join([f"{name}: (", *(f"{pad}    {it}" for it in lines), f"{pad}) = None"])


def differing(left: str, right: str, indent: int = 4) -> str:
    """The head of an `if` that holds when the two differ; where that is too long, each has a line."""
    whole, pad = f"if {left} != {right}:", " " * indent
    if indent + width(whole) <= LINE_LENGTH:
        return whole
    return f"if (\n{pad}    {left}\n{pad}    != {right}\n{pad}):"


def _clauses(parts: list[str], indent: int) -> Iterator[str]:
    """The element of a comprehension, then each of its loops."""
    element, *loops = parts
    yield element
    for loop in loops:
        source, other, rest = f"for {loop}".partition(" or ")
        if other and indent + width(f"for {loop}") > LINE_LENGTH:
            yield source
            yield f"or {rest}"
        else:
            yield wrapped(f"for {loop}", indent)


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
