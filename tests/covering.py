"""A covering array: every pair of values that go together, in as few rows as a greedy search finds."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

Row = Mapping[str, str]
"""A value for each name."""
Pair = frozenset[tuple[str, str]]
"""Two entries of a row."""


class Entry(NamedTuple):
    """That a name has a value in a row, or that it has another one."""

    name: str
    value: str
    there: bool = True

    def fails(self, row: Row) -> bool:
        """Whether it is not so; of a name that is still open, nothing is known."""
        return self.name in row and (row[self.name] == self.value) != self.there


Condition = tuple[Entry, ...]
"""One of these is so in every row."""


class Space:
    """The values that each name can have, and what holds between them."""

    def __init__(self, values: Mapping[str, Sequence[str]], conditions: Iterable[Condition]) -> None:
        self.values = values
        self.about: dict[str, list[Condition]] = {name: [] for name in values}
        for condition in conditions:
            for name in {entry.name for entry in condition}:
                self.about[name].append(condition)

    def covering(self) -> tuple[Row, ...]:
        """Rows that hold every pair. Each begins with one that is in none yet, and takes most others with it."""
        entries = [(name, value) for name, those in self.values.items() for value in those]
        wanted = dict.fromkeys(frozenset(pair) for pair in combinations(entries, 2) if pair[0][0] != pair[1][0])
        rows: list[Row] = []
        while wanted:
            begun = dict(next(iter(wanted)))
            row = self.completed(begun, wanted) if all(self.fits(begun, name) for name in begun) else None
            for pair in combinations((row or begun).items(), 2):
                wanted.pop(frozenset(pair), None)
            if row:
                rows.append({name: row[name] for name in self.values})
        return tuple(rows)

    def completed(self, row: Row, wanted: Container[Pair]) -> Row | None:
        """The row with a value for every name, if it can be: first what has only one way, then what brings most."""
        left = {name: self.left(row, name) for name in self.values if name not in row}
        if not left:
            return row

        def brings(entry: tuple[str, str]) -> int:
            return sum(frozenset((entry, it)) in wanted for it in row.items())

        scarce = [name for name, those in left.items() if len(those) < 2]
        best = {name: sorted(((name, it) for it in left[name]), key=brings, reverse=True) for name in scarce or left}
        first = max(best, key=lambda name: max(map(brings, best[name]), default=len(self.values)))
        ways = (self.completed({**row, name: value}, wanted) for name, value in best[first])
        return next((it for it in ways if it), None)

    def left(self, row: Row, name: str) -> list[str]:
        """The values that a name can still have."""
        return [it for it in self.values[name] if self.fits({**row, name: it}, name)]

    def fits(self, row: Row, name: str) -> bool:
        """Whether nothing that holds of a name is broken in a row."""
        return not any(all(entry.fails(row) for entry in condition) for condition in self.about[name])
