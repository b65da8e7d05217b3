"""What is wrong with an answer, and how to correct it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from .text import line, quoted


@dataclass(frozen=True, order=True)
class Problem:
    """One fault in the answers. `message` and `fix` are sentences without a full stop."""

    answer: str
    """Where it is: `services[1].name`."""
    message: str
    fix: str

    @property
    def question(self) -> str:
        """The question whose answer it is in."""
        return self.answer.partition("[")[0].partition(".")[0]

    def __str__(self) -> str:
        return line(f"{self.answer}: {self.message}. Fix: {self.fix}.")


class Refused(Exception):
    """The answers have problems: all of them, so that they can be corrected in one go."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(map(str, self.problems)))


class Report:
    """Collects problems while reading goes on."""

    def __init__(self, unfinished: bool = False) -> None:
        """With `unfinished`, an unknown service is not a problem yet: a later answer may declare it."""
        self._unfinished = unfinished
        self._problems: list[Problem] = []
        self._unread = ""
        self._muted = False

    def add(self, answer: str, message: str, fix: str) -> None:
        """Add a problem."""
        self._problems.append(Problem(answer, message, fix))

    def skip(self, text: object) -> None:
        """Remember unreadable text, so that names declared in it are not reported as unknown."""
        self._unread += f" {text}"

    def mute(self) -> None:
        """Report no unknown names: an unreadable answer may declare any of them."""
        self._muted = True

    def unknown(self, answer: str, name: str, message: str, fix: str, is_service: bool = False) -> None:
        """Add that a name means nothing, unless that follows from another problem or may change."""
        if not self._muted and name not in self._unread and not (is_service and self._unfinished):
            self.add(answer, message, fix)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add problems that were found elsewhere."""
        self._problems.extend(problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(dict.fromkeys(self._problems))

    def refuse(self) -> None:
        """Raise `Refused` if there is a problem."""
        if self._problems:
            raise Refused(self._problems)


def nearest(name: object, known: Iterable[str]) -> str:
    """The known name that is most like this one, or an empty string."""
    folded = {item.casefold(): item for item in known}
    matches = get_close_matches(str(name)[:100].casefold(), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else ""


def instead(name: object, known: Iterable[str], otherwise: str) -> str:
    """A fix for an unknown name: the nearest known one before the other way out."""
    match = nearest(name, known)
    return f"did you mean {quoted(match)}? Otherwise {otherwise}" if match else otherwise
