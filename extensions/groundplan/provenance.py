"""Dependency tracking: which answers something was made from, so that `plan why` can explain each line.

Whatever depends on an answer tracks its question when it is read. A cached value remembers what was tracked while it
was computed, and tracks it again on every access; so the order in which files are rendered makes no difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")
QuestionNames = frozenset[str]

DOCUMENTS = (".md", ".csv", "tasks.json")
"""The files that people read and may edit."""

_open: list[set[str]] = []
"""The active trackers, the innermost last."""


def track(*questions: str) -> None:
    """Track that answers were read; does nothing outside `tracking()`."""
    if _open:
        _open[-1].update(questions)


@contextmanager
def tracking() -> Iterator[set[str]]:
    """Collect the answers that are read inside, hidden from outer trackers.

    Where the result is not used, the purpose is to hide: code looks at many things to find a few, such as the one
    option that has a broker, and a document should not seem to be made from all of them. What is found is tracked
    afterwards.
    """
    _open.append(set())
    try:
        yield _open[-1]
    finally:
        _open.pop()


class cached_property(Generic[T]):  # noqa: N801  # it stands where that of functools would
    """As in functools; whenever the value is read, the answers that it was computed from are tracked."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.slot = f"_{name}_with_answers"

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...

    @overload
    def __get__(self, owner: object, kind: type) -> T: ...

    def __get__(self, owner: object | None, kind: type) -> Self | T:
        if owner is None:
            return self
        if self.slot not in owner.__dict__:
            with tracking() as answers:
                value = self.make(owner)
            owner.__dict__[self.slot] = (value, answers)
        value, answers = owner.__dict__[self.slot]
        track(*answers)
        return value


def tracked(by: Callable[[Any, str], Iterable[str]]) -> Callable[[type[T]], type[T]]:
    """Make the instances of a class track questions: `by` returns them, given an instance and the attribute read.

    Here, `name` depends on the answer `services`, and `port` on no answer:

        @tracked(lambda service, part: ("services",) if part == "name" else ())
        @dataclass(frozen=True)
        class Service:
            name: str
            port: int

        with tracking() as answers:
            service.name
        assert answers == {"services"}

    Comparing instances tracks nothing: how many attributes a dataclass reads for it depends on the version of Python.
    """

    def enter(kind: type[T]) -> type[T]:
        plain, compared, hashed = kind.__getattribute__, kind.__eq__, kind.__hash__

        def read(self: T, name: str) -> Any:
            if _open and name[0] != "_":
                track(*by(self, name))
            return plain(self, name)

        def equals(self: T, other: object) -> bool:
            with tracking():
                return compared(self, other)

        def as_key(self: T) -> int:
            with tracking():
                return hashed(self)

        kind.__getattribute__ = read  # type: ignore[assignment, method-assign]
        kind.__eq__, kind.__hash__ = equals, as_key  # type: ignore[assignment, method-assign]
        return kind

    return enter


@dataclass(frozen=True)
class GeneratedFile:
    """A generated file, with the answers that it depends on."""

    path: str
    text: str
    because_of: QuestionNames
    """The answers because of which the file exists."""
    lines: tuple[tuple[int, QuestionNames], ...]
    """The first line of each run of lines that depend on the same answers."""

    @property
    def digest(self) -> str:
        """A digest that shows whether a file was changed."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    @property
    def line_digests(self) -> str:
        """Digests that show which lines of a planning document were changed, four characters each."""
        if not self.path.endswith(DOCUMENTS):
            return ""
        return "".join(hashlib.sha256(line.encode()).hexdigest()[:4] for line in self.text.splitlines())


def generated_file(path: str, because_of: Iterable[str], chunks: Iterable[tuple[str, Iterable[str]]]) -> GeneratedFile:
    """A file from the pieces that it was rendered in, each with what was read for it.

    A line without answers of its own goes with the line before it, as the rows of a table do with its first, unless a
    blank line parts them.
    """
    pieces = [(text, frozenset(answers)) for text, answers in chunks]
    text = "".join(piece for piece, _ in pieces)
    found: list[set[str]] = [set() for _ in range(text.count("\n") + 1)]
    number = 0
    for piece, answers in pieces:
        last = number + piece.count("\n")
        for touched in range(number, last + (not piece.endswith("\n"))):
            found[touched] |= answers
        number = last
    origins: list[tuple[int, QuestionNames]] = []
    above: QuestionNames = frozenset()
    for line, (content, own) in enumerate(zip(text.split("\n"), found, strict=True), 1):
        if content.strip():
            above = frozenset(own) or above
            origins.append((line, above))
        else:
            above = frozenset()
    runs = (next(run) for _, run in groupby(origins, key=lambda it: it[1]))
    return GeneratedFile(path, text, frozenset(because_of), tuple(runs))
