"""Answers on disk: those of a sitting that was interrupted, and those of a data file that says something twice."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from .problems import Problem
from .questionnaire import Question
from .text import quoted

HEADING = "# Answers of a sitting that was interrupted. Add this file to the same command as --data-file to go on.\n"

ANSWERS_FILE = ".copier-answers.yml"

OPTION = "--data-file"
"""How a data file is given on Copier's command line."""


def write(answers: Mapping[str, object], questions: Sequence[Question], destination: Path) -> Path:
    """Write answers beside where the project would be, in the order of the questions; give the file."""
    ordered = {it.name: answers[it.name] for it in questions if it.name in answers}
    text = HEADING + yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True)
    target = destination.expanduser().resolve()
    for folder in (target.parent, Path(tempfile.gettempdir())):
        path = _free(folder, target.name, ordered)
        try:
            path.write_text(text, "utf-8")
        except OSError:
            continue
        return path
    raise OSError(f"neither {target.parent} nor {tempfile.gettempdir()} can be written")


def said(path: Path) -> str:
    """How to go on with a file of answers."""
    quoted_path = shlex.quote(str(path))
    return (
        f"\nYour answers so far are in {path}\nTo go on, give the same command again, with no other data file but\n"
        f"  --data-file {quoted_path}"
    )


def recorded(destination: Path) -> bytes:
    """What the answers file of a project holds; nothing where there is none."""
    try:
        return (destination / ANSWERS_FILE).read_bytes()
    except OSError:
        return b""


def is_newer(destination: Path, before: bytes) -> bool:
    """Whether the answers file of a project was written since."""
    return recorded(destination) != before


def twice(arguments: Sequence[str]) -> tuple[Problem, ...]:
    """The answers that a data file of a command line gives twice: YAML would take the last without a word."""
    return tuple(problem for path in _data_files(arguments) for problem in _repeated(path))


def _free(folder: Path, name: str, answers: Mapping[str, object]) -> Path:
    """A name that no file has, or that of a file that was kept before and holds nothing but these answers."""
    number = 1
    while True:
        path = folder / f"{name}.answers{'' if number == 1 else f'-{number}'}.yml"
        if not path.exists() or _is_part(path, answers):
            return path
        number += 1


def _is_part(path: Path, answers: Mapping[str, object]) -> bool:
    """Whether a file was kept here, and all that it holds is among the answers."""
    try:
        text = path.read_text("utf-8")
        held = yaml.safe_load(text) if text.startswith(HEADING) else None
    except (OSError, ValueError, yaml.YAMLError):
        return False
    return isinstance(held, dict) and all(answers.get(name) == value for name, value in held.items())


def _data_files(arguments: Sequence[str]) -> Iterator[Path]:
    for before, argument in zip(("", *arguments), arguments, strict=False):
        if before == OPTION:
            yield Path(argument)
        elif argument.startswith(f"{OPTION}="):
            yield Path(argument.partition("=")[2])


def _repeated(path: Path) -> Iterator[Problem]:
    try:
        root = yaml.compose(path.read_text("utf-8"), yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return  # Copier has told that
    if isinstance(root, yaml.MappingNode):
        yield from _within(root, "", set())


def _within(node: yaml.Node, where: str, seen: set[int]) -> Iterator[Problem]:
    """The keys that a mapping has twice, wherever it is; aliases are looked at once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            place = f"{where}.{name}" if where else name
            if name in lines:
                message = f"{quoted(name)} is there twice, in lines {lines[name]} and {line}"
                yield Problem(place, message, "keep one of the two")
            lines[name] = line
            yield from _within(value, place, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _within(item, f"{where}[{index}]", seen)
