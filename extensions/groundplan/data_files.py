"""What Copier does not check in a data file: keys given twice, of which YAML silently takes the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from .problems import Problem
from .text import quoted

OPTION = "--data-file"
"""How a data file is passed on Copier's command line."""


def duplicate_keys(arguments: Sequence[str]) -> tuple[Problem, ...]:
    """The keys that a data file on a command line contains twice."""
    return tuple(problem for path in _data_files(arguments) for problem in _duplicates(path))


def _data_files(arguments: Sequence[str]) -> Iterator[Path]:
    for previous, argument in zip(("", *arguments), arguments, strict=False):
        if previous == OPTION:
            yield Path(argument)
        elif argument.startswith(f"{OPTION}="):
            yield Path(argument.partition("=")[2])


def _duplicates(path: Path) -> Iterator[Problem]:
    try:
        root = yaml.compose(path.read_text("utf-8"), yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return  # Copier has reported that
    if isinstance(root, yaml.MappingNode):
        yield from _duplicates_in(root, "", set())


def _duplicates_in(node: yaml.Node, parent: str, visited: set[int]) -> Iterator[Problem]:
    """The duplicate keys at any depth; an aliased node is visited once."""
    if id(node) in visited:
        return
    visited.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            place = f"{parent}.{name}" if parent else name
            if name in lines:
                message = f"{quoted(name)} is there twice, in lines {lines[name]} and {line}"
                yield Problem(place, message, "keep one of the two")
            lines[name] = line
            yield from _duplicates_in(value, place, visited)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _duplicates_in(item, f"{parent}[{index}]", visited)
