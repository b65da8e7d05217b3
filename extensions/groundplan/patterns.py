r"""Regular expressions that mean the same in Pydantic, in JSON Schema and in Python, and texts that match them.

What each of these reads otherwise, or not at all, is refused; `\d` and `\w` become the characters that JSON Schema
means by them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace

LONGEST = 200
"""The most characters of a pattern."""
ENDLESS = 100_000
"""The most repetitions of something that may be repeated without end."""

HEAVIEST = 2_000
"""The most characters that counted repetitions stand for: a pattern is compiled for all of them."""

DIGITS, LOWER, UPPER = (frozenset(it) for it in (string.digits, string.ascii_lowercase, string.ascii_uppercase))
EXPANDED = {"d": "0-9", "w": "A-Za-z0-9_"}
SIGNS = frozenset(chr(it) for it in range(0x20, 0x7F))
"""What `.` and `[^...]` stand for in examples."""
META = frozenset(r".^$*+?()[]{}|\\")
"""The characters that mean something outside of square brackets; a backslash before them makes them mean themselves."""


class Unportable(ValueError):
    """A pattern is none, or does not mean the same everywhere; the message says why."""


@dataclass(frozen=True)
class Run:
    """A character out of some, repeated."""

    characters: frozenset[str]
    least: int = 1
    most: int = 1


Alternatives = tuple[tuple["Part", ...], ...]


@dataclass(frozen=True)
class Group:
    """Alternatives in brackets, repeated."""

    alternatives: Alternatives
    least: int = 1
    most: int = 1


Part = Run | Group


@dataclass(frozen=True)
class Pattern:
    """A portable pattern."""

    text: str
    """As it is written everywhere."""
    alternatives: Alternatives

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs of a short text that matches: of alternatives the first, of repetitions the fewest."""
        return tuple(_runs(self.alternatives))

    def matches(self, text: str) -> bool:
        return re.search(self.text, text) is not None

    def example(self, least: int, most: int) -> str:
        """A text of so many characters that matches; `{number}`, `{letters}` or `{capitals}` in it differ by draft.

        Raises:
            Unportable: There is none.
        """
        runs = self.runs
        if sum(it.least for it in runs) > most or sum(it.most for it in runs) < least:
            raise Unportable(f"matches no text of {least} to {most} characters")
        fixed = [it.least for it in runs]
        varied = next((it for it in range(len(runs)) if _variable(runs[it], most - sum(fixed) + fixed[it])), None)
        for index in (varied, *range(len(runs))):
            if index is not None:
                fixed[index] += max(0, min(runs[index].most - fixed[index], least - sum(fixed)))
        example = "".join(
            _placeholder(run, length) if index == varied else _literal(run, length)
            for index, (run, length) in enumerate(zip(runs, fixed, strict=True))
        )
        if not self.matches(example.format(number=1, letters="b", capitals="B")):
            raise Unportable("matches no text, or none that is easily found")
        return example


WIDTHS = ((DIGITS, "{number:0>", 4), (LOWER, "{letters:a>", 3), (UPPER, "{capitals:A>", 3))
"""Characters out of which a draft's number can be written, how, and the width that is enough for all drafts."""


def _variable(run: Run, room: int) -> bool:
    return any(run.characters >= characters and min(run.most, room) >= width for characters, _, width in WIDTHS)


def _placeholder(run: Run, length: int) -> str:
    start, width = next((start, width) for characters, start, width in WIDTHS if run.characters >= characters)
    return f"{start}{max(length, width)}}}"


def _literal(run: Run, length: int) -> str:
    """The same character, doubled where it stands for a placeholder otherwise."""
    usual = next((it for it in "a1A -" if it in run.characters), min(run.characters, default=""))
    return (usual * 2 if usual in "{}" else usual) * length


def _runs(alternatives: Alternatives) -> Iterator[Run]:
    for part in alternatives[0]:
        if isinstance(part, Run):
            yield part
        else:
            for _ in range(part.least):
                yield from _runs(part.alternatives)


def _weight(part: Part) -> int:
    """How many characters a part stands for, with each repetition that is counted."""
    times = max(1, part.least if part.most >= ENDLESS else part.most)
    return times if isinstance(part, Run) else times * sum(_weight(it) for some in part.alternatives for it in some)


def portable(text: str) -> Pattern:
    """Read a pattern.

    Raises:
        Unportable: It is none, or does not mean the same everywhere.
    """
    if len(text) > LONGEST:
        raise Unportable(f"is longer than {LONGEST} characters")
    reader = _Reader(text)
    alternatives = reader.alternatives()
    if reader.rest:
        raise Unportable("has a bracket that nothing opens")
    try:
        re.compile(reader.written)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unportable(f"is no regular expression ({error})") from None
    return Pattern(reader.written, alternatives)


class _Reader:
    """Walks over a pattern, and writes down what it means."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.written = ""

    @property
    def rest(self) -> str:
        return self._text[self._at :]

    def alternatives(self) -> Alternatives:
        found: list[tuple[Part, ...]] = [()]
        while self.rest and not self.rest.startswith(")"):
            if self._take("|"):
                found.append(())
            elif self._take("^") or self._take("$"):
                continue
            else:
                found[-1] = (*found[-1], self._repeated(self._part()))
        return tuple(found)

    def _part(self) -> Part:
        if self._take("("):
            if self.rest.startswith("?") and not self._take("?:"):
                raise Unportable(f"has {self.rest[:3]!r} behind a bracket, which not every program reads")
            group = Group(self.alternatives())
            if not self._take(")"):
                raise Unportable("has a bracket that nothing closes")
            return group
        if self._take("["):
            return Run(self._class())
        if self._take("."):
            return Run(SIGNS)
        return Run(self._character(META))

    def _repeated(self, part: Part) -> Part:
        found = re.match(r"[*+?]|\{(\d{1,4})(,(\d{1,4})?)?\}", self.rest)
        if found is None:
            if self.rest.startswith("{"):
                raise Unportable(r"has '{' where it counts nothing; write '\{' for the character")
            return part
        self._take(found[0])
        self._take("?")  # as few as possible is the same for a text as a whole
        if self.rest[:1] in ("*", "+", "?", "{") and self.rest:
            raise Unportable(f"has {self.rest[:1]!r} behind a repetition")
        if found[1] is None:
            least, most = {"*": (0, ENDLESS), "+": (1, ENDLESS), "?": (0, 1)}[found[0]]
        else:
            least = int(found[1])
            most = int(found[3] or ENDLESS) if found[2] else least
        if least > most:
            raise Unportable(f"has the empty repetition {found[0]}")
        repeated = replace(part, least=least, most=most)
        if _weight(repeated) > HEAVIEST:
            raise Unportable("repeats too much")
        return repeated

    def _class(self) -> frozenset[str]:
        """The characters in square brackets, which are open."""
        negative, found = self._take("^"), set[str]()
        if self.rest.startswith("]"):
            raise Unportable("has square brackets with nothing in them")
        while not self._take("]"):
            if not self.rest:
                raise Unportable("has a square bracket that nothing closes")
            if re.match(r"&&|--|~~|\|\||\[", self.rest):
                raise Unportable(f"has {self.rest[:2]!r} in square brackets; write a backslash before such characters")
            first = self._character(frozenset("[]\\^"), in_class=True)
            if len(first) == 1 and re.match(r"-[^\]]", self.rest) and not self.rest.startswith("--"):
                self._take("-")
                (low,), last = first, self._character(frozenset("[]\\^"), in_class=True)
                if len(last) != 1 or min(last) < low:
                    raise Unportable("has an empty range of characters")
                found |= {chr(it) for it in range(ord(low), min(ord(min(last)), ord(low) + 512) + 1)}
            else:
                found |= first
        if negative and not SIGNS - found:
            raise Unportable("has square brackets that exclude everything")
        return SIGNS - found if negative else frozenset(found)

    def _character(self, special: frozenset[str], in_class: bool = False) -> frozenset[str]:
        """A character, or those that an escape stands for."""
        if self._take("\\", write=False):
            escaped, self._at = self.rest[:1], self._at + 1
            if escaped in EXPANDED:
                expanded = EXPANDED[escaped]
                self.written += expanded if in_class else f"[{expanded}]"
                return DIGITS if escaped == "d" else DIGITS | LOWER | UPPER | {"_"}
            if not escaped or escaped.isalnum() or not escaped.isascii() or escaped < " ":
                shown = f"\\{escaped}"
                raise Unportable(f"has {shown!r}, which not every program reads alike".replace("\\\\", "\\"))
            # JSON Schema lets no other signs be escaped.
            self.written += f"\\{escaped}" if escaped in META or (in_class and escaped == "-") else escaped
            return frozenset(escaped)
        character = self.rest[:1]
        if character in special or character < " ":
            raise Unportable(f"has {character!r} where it stands for nothing; write a backslash before the character")
        self._take(character)
        return frozenset(character)

    def _take(self, expected: str, write: bool = True) -> bool:
        if not self.rest.startswith(expected):
            return False
        self._at += len(expected)
        self.written += expected if write else ""
        return True
