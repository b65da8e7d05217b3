"""What needs the packages of Copier, of which this project has none: Python runs it among those.

- `fault` reads answers in YAML from standard input, and prints what is wrong with them: a line
  (0: all of it), what it is, and the fix.
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


def fault(content: bytes) -> tuple[int, str, str] | None:
    """What keeps Copier from reading answers."""
    try:
        return _keys(Loader(content))
    except yaml.reader.ReaderError as error:
        before = content.decode("utf-8", "replace")[: error.position]
        problem = f" is not valid YAML ({error.reason})"
        return before.count("\n") + 1, problem, "remove the character"
    except yaml.MarkedYAMLError as error:
        problem = ", ".join(it for it in (error.context, error.problem) if it)
        line = min(error.problem_mark.line + 1, len(content.splitlines()))
        fix = next((fix for part, fix in FIXES if part in problem), CLOSE)
        return line, f" is not valid YAML ({problem})", fix
    except RecursionError:
        return 0, " is nested too deeply", "write plain text, numbers, lists and mappings"


def _keys(loader: Loader) -> tuple[int, str, str] | None:
    """Whether each answer has the name of a question, as far as that can be seen here."""
    root = loader.get_single_node()
    if not isinstance(root, yaml.MappingNode):
        return 0, " holds no answers by question", "write `question: answer`, one a line"
    loader.construct_document(root)
    for key, _ in root.value:
        if not isinstance(Loader("").construct_object(key), str):
            return key.start_mark.line + 1, f": the key {key.value} is not text", "put it in quotes"
    return None


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
    if sys.argv[1] == "fault":
        print(json.dumps(fault(sys.stdin.buffer.read())))
    else:
        sys.exit(next((code for code in map(run, json.load(sys.stdin)) if code), 0))
