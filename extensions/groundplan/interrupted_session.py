"""The answers of a session that ended before a project was generated, saved so that the session can be resumed."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from .questionnaire import Question

HEADING = "# Answers of an interrupted session. To resume, pass this file to the same command as --data-file.\n"

ANSWERS_FILE = ".copier-answers.yml"


def save_answers(answers: Mapping[str, object], questions: Sequence[Question], destination: Path) -> Path:
    """Write the answers, in the order of the questions, to a file next to the destination; return its path."""
    ordered = {it.name: answers[it.name] for it in questions if it.name in answers}
    text = HEADING + yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True)
    target = destination.expanduser().resolve()
    for folder in (target.parent, Path(tempfile.gettempdir())):
        path = _available_path(folder, target.name, ordered)
        try:
            path.write_text(text, "utf-8")
        except OSError:
            continue
        return path
    raise OSError(f"neither {target.parent} nor {tempfile.gettempdir()} can be written")


def resume_hint(path: Path) -> str:
    """How to resume with a file of saved answers."""
    return (
        f"\nYour answers so far are in {path}\nTo go on, give the same command again, with no other data file but\n"
        f"  --data-file {shlex.quote(str(path))}"
    )


def read_answers_file(destination: Path) -> bytes:
    """The content of a project's answers file; empty if there is none."""
    try:
        return (destination / ANSWERS_FILE).read_bytes()
    except OSError:
        return b""


def answers_file_changed(destination: Path, before: bytes) -> bool:
    """Whether a project's answers file differs from what it was before."""
    return read_answers_file(destination) != before


def _available_path(folder: Path, name: str, answers: Mapping[str, object]) -> Path:
    """A path that is free, or that of a file saved earlier whose answers are all among these."""
    number = 1
    while True:
        path = folder / f"{name}.answers{'' if number == 1 else f'-{number}'}.yml"
        if not path.exists() or _holds_subset(path, answers):
            return path
        number += 1


def _holds_subset(path: Path, answers: Mapping[str, object]) -> bool:
    """Whether a file was saved here, and everything in it is among the answers."""
    try:
        text = path.read_text("utf-8")
        saved = yaml.safe_load(text) if text.startswith(HEADING) else None
    except (OSError, ValueError, yaml.YAMLError):
        return False
    return isinstance(saved, dict) and all(answers.get(name) == value for name, value in saved.items())
