"""What needs the packages of Copier, of which this project has none: Python runs it among those.

- `answered` reads answers in YAML from standard input, and prints the names of the questions, or
  what is wrong: a line (0: all of it), what it is, and the fix.
- `run` reads commands of Copier as JSON, and runs them up to one that fails; only that one is
  heard. What the first has loaded and compiled serves the next.
"""

from __future__ import annotations

import io
import json
import runpy
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from importlib import import_module
from typing import Any

yaml: Any = import_module("yaml")

FIXES = (
    ("another document", "keep one document, without a second `---`"),
    ("constructor for the tag", "leave out the tag, or put the text in quotes"),
    ("unhashable key", "begin with the name of a question"),
    (r"character '\t'", "indent with spaces"),
)
"""What helps, by what the reader of YAML says."""
CLOSE = "close what is open there, or put the text in quotes"
"""What helps mostly."""


class Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Says of a value that cannot be where it is, too."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, AttributeError):  # a day that no month has
            problem = f"{node.value} is not a valid {node.tag.rpartition(':')[2]}"
            raise yaml.MarkedYAMLError(None, None, problem, node.start_mark) from None


class Fault(Exception):
    """What keeps Copier from reading answers: its line, what it is, and the fix."""


def answered(content: bytes) -> list[str]:
    """The names of the questions that are answered; raises `Fault`."""
    try:
        return _keys(Loader(content))
    except yaml.reader.ReaderError as error:
        before = content.decode("utf-8", "replace")[: error.position]
        problem = f" is not valid YAML ({error.reason})"
        raise Fault(before.count("\n") + 1, problem, "remove the character") from None
    except yaml.MarkedYAMLError as error:
        problem = ", ".join(it for it in (error.context, error.problem) if it)
        line = min(error.problem_mark.line + 1, len(content.splitlines()))
        fix = next((fix for part, fix in FIXES if part in problem), CLOSE)
        raise Fault(line, f" is not valid YAML ({problem})", fix) from None
    except RecursionError:
        fix = "write plain text, numbers, lists and mappings"
        raise Fault(0, " is nested too deeply", fix) from None


def _keys(loader: Loader) -> list[str]:
    """The keys of a mapping; raises `Fault`."""
    root = loader.get_single_node()
    if not isinstance(root, yaml.MappingNode):
        raise Fault(0, " holds no answers by question", "write `question: answer`, one a line")
    loader.construct_document(root)
    for key, _ in root.value:
        if not isinstance(Loader("").construct_object(key), str):
            line, problem = key.start_mark.line + 1, f": the key {key.value} is not text"
            raise Fault(line, problem, "put it in quotes")
    return [key.value for key, _ in root.value]


def run(arguments: Sequence[str]) -> int:
    """Run a command as `python -m copier` does; its exit code."""
    sys.argv = ["copier", *arguments]
    with redirect_stderr(io.StringIO()) as told:
        try:
            runpy.run_module("copier", run_name="__main__")
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        else:
            code = 0
    if code:
        sys.stderr.write(told.getvalue())
    return code


if __name__ == "__main__":
    if sys.argv[1] == "answered":
        try:
            print(json.dumps(answered(sys.stdin.buffer.read())))
        except Fault as fault:
            print(json.dumps({"fault": fault.args}))
    else:
        sys.exit(next((code for code in map(run, json.load(sys.stdin)) if code), 0))
