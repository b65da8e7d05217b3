"""Decision records: which decisions have one, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap

from ..catalogue import Module, Option
from ..decisions import How, Rejected, Resolved
from ..history import History, Record
from ..provenance import cached_property, track, tracked, tracking
from .markdown import cell, code, sentence


@tracked(lambda it, part: (it.record.decision,) if part != "record" else ())
@dataclass(frozen=True)
class DecisionRecord:
    """One file of Planning/Decisions: how a decision stands, or how it once stood."""

    record: Record
    resolved: Resolved
    superseded_by: Record | None
    modules: tuple[Module, ...] = ()
    """What the options of all decisions add to the project."""

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def file(self) -> str:
        """`0001-storage-kind`, without its suffix."""
        return f"{self.record.number:04d}-{self.record.decision.replace('_', '-')}"

    @property
    def option(self) -> Option | None:
        """The option that was taken then; none when the catalogue has dropped it since."""
        return self.resolved.decision.option(self.record.option)

    @property
    def label(self) -> str:
        return self.option.label if self.option else self.record.option

    @property
    def status(self) -> str:
        if self.superseded_by:
            return f"superseded by {self.superseded_by.id}"
        return "accepted" if self.resolved.how in (How.CHOSEN, How.SETTLED) else "proposed"

    @property
    def why(self) -> str:
        """The reason that was given, else the catalogue's."""
        given = "" if self.superseded_by else self.resolved.override.why
        return given or self.record.why or (self.option.because if self.option else "")

    @property
    def reason(self) -> str:
        """The reason as a sentence of Markdown."""
        return sentence(self.why[:1].upper() + self.why[1:]) if self.why else ""

    @property
    def drivers(self) -> tuple[str, ...]:
        """What spoke for it: only known for the decision that stands, whose answers are at hand."""
        return () if self.superseded_by else tuple(dict.fromkeys(driver.because for driver in self.resolved.drivers))

    @property
    def how(self) -> str:
        """How it came about, as the beginning of a sentence."""
        words = {
            "chosen": "Chosen",
            "auto": "Proposed from the answers",
            "tbd": "Taken until it is decided",
            "settled": "Taken, as nothing else is offered yet",
        }
        return words.get(self.record.how, "Taken")

    @property
    def cost(self) -> str:
        return self.option.cost if self.option else ""

    @property
    def location(self) -> str:
        """Where the code of the option is, as a sentence of Markdown; empty if it has none, or has no more.

        Of modules that each service or entity has, the first is named.
        """
        if self.superseded_by:
            return ""
        modules = [it for it in self.modules if it.decision == self.record.decision and _is_code(it)]
        track(*(question for it in modules for question in it.because_of))
        first = {it.source: it.target for it in reversed(modules)}
        folders: dict[str, list[str]] = {}
        for path in reversed(first.values()):
            folders.setdefault(path.rpartition("/")[0], []).append(path)
        return f"Its code: {', '.join(starmap(_links, folders.items()))}." if folders else ""

    @property
    def confirmation(self) -> str:
        """The check that proves that the project follows it, as Markdown; a superseded decision has none any more."""
        if self.superseded_by:
            return f"Nothing confirms it any more: {self.superseded_by.id} took its place."
        not_stated = f"It is not stated how (decision_overrides.{self.record.decision}.confirmed_by)"
        return sentence(self.resolved.confirmed_by or not_stated)

    @property
    def reopened_by(self) -> tuple[str, ...]:
        if self.superseded_by:
            return (f"never: {self.superseded_by.id} took its place",)
        return self.resolved.reopened_by or (
            f"not stated (decision_overrides.{self.record.decision}.revisit), and no single answer would reopen it",
        )

    @property
    def options(self) -> tuple[tuple[Option, str], ...]:
        """What could have been taken, each with why it was not; nothing for what was."""
        reasons = {it.option.name: it.why for it in self.rejected}
        return tuple((it, reasons.get(it.name, "")) for it in self.resolved.decision.options)

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        return self._rejected_then if self.superseded_by else self.resolved.rejected

    @property
    def _rejected_then(self) -> tuple[Rejected, ...]:
        """The other options with the catalogue's words, as the answers of that time are not at hand."""
        others = (it for it in self.resolved.decision.options if it is not self.option)
        return tuple(Rejected(it, it.rejected) for it in others) if self.option else ()


@dataclass(frozen=True)
class Records:
    """The records that are worth a file, by the trail of decisions."""

    history: History
    decisions: tuple[Resolved, ...]
    modules: tuple[Module, ...] = ()

    @cached_property
    def all(self) -> tuple[DecisionRecord, ...]:
        resolved = {it.decision.id: it for it in self.decisions}
        records = (
            DecisionRecord(it, resolved[it.decision], self.history.superseded_by(it), self.modules)
            for it in self.history.trail
            if it.decision in resolved
        )
        with tracking():  # each record tells of itself
            return tuple(it for it in records if it.superseded_by or it.resolved.noteworthy)

    def has(self, resolved: Resolved) -> bool:
        """Whether a decision as it stands has its own record."""
        current = self.history.current(resolved.decision.id)
        return any(it.record is current for it in self.all)

    def link(self, resolved: Resolved) -> str:
        """The decision's name, linked to its record where it has one; for documents in Planning itself."""
        current = self.history.current(resolved.decision.id)
        number = current.id if current else resolved.decision.id
        for it in self.all:
            if it.record is current:
                return f"[{number} {cell(resolved.decision.id)}](Decisions/{it.file}.md)"
        return f"{number} {cell(resolved.decision.id)}"


def _links(folder: str, paths: Sequence[str]) -> str:
    """Links to files of a folder, which is named once."""
    if len(paths) == 1:
        return f"[{code(paths[0])}](../../{paths[0]})"
    files = (f"[{code(it.rpartition('/')[2])}](../../{it})" for it in paths)
    return f"{code(folder)} ({', '.join(files)})"


def _is_code(module: Module) -> bool:
    """Whether it is code of the project that the template keeps; what the team owns may be gone."""
    return module.target.endswith(".py") and not module.target.startswith("tests/") and not module.team_writes
