"""What is wrong with a YAML file of answers, from standard input: a line (0: all of it), what it is, and the fix.

Python runs it among the packages of Copier, which has a reader of YAML; this project has none.
"""

from __future__ import annotations

import json
import sys
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
            said = f"{node.value} is no {node.tag.rpartition(':')[2]}"
            raise yaml.MarkedYAMLError(None, None, said, node.start_mark) from None


def fault(content: bytes) -> tuple[int, str, str] | None:
    """What keeps Copier from reading answers."""
    try:
        return _keys(Loader(content))
    except yaml.reader.ReaderError as error:
        before = content.decode("utf-8", "replace")[: error.position]
        said = f" is no valid YAML ({error.reason})"
        return before.count("\n") + 1, said, "remove the character"
    except yaml.MarkedYAMLError as error:
        said = ", ".join(it for it in (error.context, error.problem) if it)
        line = min(error.problem_mark.line + 1, len(content.splitlines()))
        fix = next((fix for part, fix in FIXES if part in said), CLOSE)
        return line, f" is no valid YAML ({said})", fix
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
            return key.start_mark.line + 1, f": the key {key.value} is no text", "put it in quotes"
    return None


if __name__ == "__main__":
    print(json.dumps(fault(sys.stdin.buffer.read())))
