"""Which answers something was made from: noted while it is read, so that `plan why` can tell it of every line.

Whatever an answer describes notes the question when it is read. A cached value remembers what was noted while it was
made, and notes it again for everybody who takes it; so the order in which files are rendered makes no difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")
Names = frozenset[str]

DOCUMENTS = (".md", ".csv", "tasks.json")
"""What people read, and might edit."""

_open: list[set[str]] = []
"""The notes that are being taken, the innermost last."""


def note(*questions: str) -> None:
    """Note that answers were read; nothing happens while nobody takes notes."""
    if _open:
        _open[-1].update(questions)


@contextmanager
def noting() -> Iterator[set[str]]:
    """Collect what is noted inside, and keep it from whoever takes notes outside."""
    _open.append(set())
    try:
        yield _open[-1]
    finally:
        _open.pop()


class cached_property(Generic[T]):  # noqa: N801  # it stands where that of functools would
    """As in functools; what the value was made from is noted whenever it is read."""

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
            with noting() as answers:
                value = self.make(owner)
            owner.__dict__[self.slot] = (value, answers)
        value, answers = owner.__dict__[self.slot]
        note(*answers)
        return value


def told(by: Callable[[Any, str], Iterable[str]]) -> Callable[[type[T]], type[T]]:
    """Let instances of a class note their questions; `by` says which, given an instance and what is read of it."""

    def enter(kind: type[T]) -> type[T]:
        plain = kind.__getattribute__

        def read(self: T, name: str) -> Any:
            if _open and name[0] != "_":
                note(*by(self, name))
            return plain(self, name)

        kind.__getattribute__ = read  # type: ignore[assignment, method-assign]
        return kind

    return enter


@dataclass(frozen=True)
class Made:
    """A generated file, and what it was made from."""

    path: str
    text: str
    there: Names
    """The answers because of which there is such a file at all."""
    lines: tuple[tuple[int, Names], ...]
    """From which line on which answers speak, up to the next entry."""

    @property
    def mark(self) -> str:
        """Tells whether a file is still as it was made."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    @property
    def sums(self) -> str:
        """Tells which lines of a document of the plan are still as they were made: four letters for each."""
        if not self.path.endswith(DOCUMENTS):
            return ""
        return "".join(hashlib.sha256(line.encode()).hexdigest()[:4] for line in self.text.splitlines())


def made(path: str, there: Iterable[str], chunks: Iterable[tuple[str, Iterable[str]]]) -> Made:
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
    said: list[tuple[int, Names]] = []
    above: Names = frozenset()
    for line, (content, own) in enumerate(zip(text.split("\n"), found, strict=True), 1):
        if content.strip():
            above = frozenset(own) or above
            said.append((line, above))
        else:
            above = frozenset()
    runs = (next(run) for _, run in groupby(said, key=lambda it: it[1]))
    return Made(path, text, frozenset(there), tuple(runs))
