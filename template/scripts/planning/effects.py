"""What a change of answers, or a newer template, affects, and what it leaves to do.

The new state tells this, in the folder where the change is made: it can read what older ones
recorded, while an older one cannot know what a newer one records.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.commands import run, run_with
from scripts.planning import imports
from scripts.planning.git import content, file_states, git
from scripts.planning.model import MODEL

MARKER = r"^(<<<<<<<|>>>>>>>)( |$)"
ARCHIVE = "Planning/Archive"

TITLES = {
    "changed": "Changed",
    "new": "New",
    "gone": "Gone",
    "gaps_opened": "Gaps opened",
    "gaps_closed": "Gaps closed",
    "to_read_again": "To read again",
    "yours_to_read_again": "Yours to read again",
    "yours_to_change": "Yours to change",
    "yours_rewritten": "Yours, with imports that follow new names",
    "yours_to_fill": "Yours to fill",
    "yours_unused": "Yours, no longer used",
    "perhaps_renamed": "Gone while others came; if one is the other, --rename 'OLD -> NEW' keeps it",
    "migrations": f"Migrations to run with `{run('migrate')}`",
    "rows": "Rows to bring along while nothing runs",
    "archived": "Kept in Planning/Archive",
    "conflicts": "Conflicts to resolve",
}
"""What a change can affect, each with its title."""
COUNTED = ("changed", "new", "gone")
"""Those of which people are told the number alone."""


@dataclass(frozen=True)
class Effect:
    """One kind of what a change affects."""

    key: str
    title: str
    counted: bool
    """Whether people are told only how many there are."""
    found: tuple[str, ...]


@dataclass(frozen=True)
class State:
    """What is compared of two states of a project; an older template may not have recorded all."""

    gaps: frozenset[str]
    features: Mapping[str, str]
    """The name of each by its id."""
    owned: frozenset[str]
    made: Mapping[str, str]
    """The digest of each file that answers made."""
    rows: tuple[str, str] | None
    """Where the rows are, and the package that reads them there; `None` where it is not recorded."""

    @classmethod
    def of(cls, model: Mapping[str, Any]) -> State:
        made = (it for it in model.get("generated", ()) if it.get("because_of") or it.get("lines"))
        rows = model.get("rows")
        return cls(
            gaps=frozenset(it["id"] for it in model.get("gaps", ())),
            features={it["id"]: it["name"] for it in model.get("requirements", ())},
            owned=frozenset(model.get("owned", ())),
            made={it["file"]: it["mark"] for it in made},
            rows=(rows["url"], rows["package"]) if rows else None,
        )


@dataclass(frozen=True)
class Comparison:
    """The project before the change, in git, and after it, in a folder."""

    folder: Path
    before: str
    """A commit."""
    after: str
    """The commit that the folder has the files of."""

    @cached_property
    def states(self) -> tuple[State, State]:
        before, after = (
            State.of(json.loads(content(self.folder, MODEL, it)))
            for it in (self.before, self.after)
        )
        return before, after

    @cached_property
    def files(self) -> tuple[tuple[str, str], ...]:
        """What happens to each file: `A` it comes, `M` it changes, `D` it goes."""
        return tuple(file_states(self.folder, self.before, self.after))

    def named(self, state: str) -> tuple[str, ...]:
        return tuple(path for kind, path in self.files if kind == state)


def effects(it: Comparison) -> tuple[Effect, ...]:
    """All that a change can affect, in the order in which people are told of it."""
    before, after = it.states
    changed, new, gone = it.named("M"), it.named("A"), it.named("D")
    migrations = [path for path in new if "/migrations/" in path]
    found: dict[str, Sequence[str]] = {
        "changed": changed,
        "new": new,
        "gone": gone,
        "gaps_opened": sorted(after.gaps - before.gaps),
        "gaps_closed": sorted(before.gaps - after.gaps),
        "to_read_again": [path for path in changed if path.endswith(".md") and "/" in path],
        "yours_to_read_again": sorted({*_to_read_again(it), *_affected(it)}),
        "yours_to_change": sorted(_to_change(it)),
        "yours_rewritten": sorted(before.owned & after.owned & {*changed}),
        "yours_to_fill": sorted((after.owned - before.owned) & {*new}),
        "yours_unused": sorted(
            path for path in before.owned - after.owned if (it.folder / path).is_file()
        ),
        "perhaps_renamed": [*_fields_gone(it.folder, migrations), *_features_gone(before, after)],
        "migrations": migrations,
        "rows": _moving(before, after),
        "archived": [path for path in gone if archived(path) in {*new, *changed}],
        "conflicts": _conflicts(it),
    }
    return tuple(Effect(key, TITLES[key], key in COUNTED, (*found[key],)) for key in TITLES)


def archived(path: str) -> str:
    """Where a file goes that would be deleted; nothing takes archived code for code."""
    suffix = "" if path.endswith(".md") else ".txt"
    return f"{ARCHIVE}/{path.removeprefix('Planning/')}{suffix}"


def _to_read_again(it: Comparison) -> Iterator[str]:
    """The owned files that stay as they are, although answers gave what they stand on another shape.

    An owned file stands on its own first text, which states what it is for, and on the models of
    its service.
    """
    before, after = it.states
    old, new = before.made, after.made
    for file in (before.owned & after.owned) - {path for _, path in it.files}:
        models = f"{file.rpartition('/')[0]}/models.py"
        if any(on in old and on in new and old[on] != new[on] for on in (file, models)):
            yield file


def _affected(it: Comparison) -> Iterator[str]:
    """The owned files that import what changes under them."""
    before, after = it.states
    old, new = (
        imports.libraries(content(it.folder, "pyproject.toml", state).decode())
        for state in (it.before, it.after)
    )
    changed = {path for _, path in it.files}
    owned = (before.owned & after.owned) - changed
    return imports.affected(it.folder, owned, changed, old - new)


def _to_change(it: Comparison) -> Iterator[str]:
    """The owned files that do not fit any more, each with the reason."""
    before, after = it.states
    stay = {path for path in before.owned & after.owned if path.endswith(".py")}
    touched = {*it.named("M"), *it.named("A")}
    for file, reason in imports.missing(it.folder, stay, touched):
        yield f"{file}: {reason}"


def _fields_gone(folder: Path, migrations: Sequence[str]) -> Iterator[str]:
    """The fields that go while others come to their table."""
    for path in migrations:
        title = (folder / path).read_text("utf-8").partition("\n")[0].lower()
        tables = set(re.findall(r"\badd (\w+)\.", title))
        gone = re.findall(r"\bretire (\w+)\.(\w+)", title)
        yield from (f"{field} of {table}" for table, field in gone if table in tables)


def _features_gone(before: State, after: State) -> list[str]:
    """The features that go while others come."""
    gone = [name for id, name in before.features.items() if id not in after.features]
    return gone if after.features.keys() - before.features.keys() else []


def _moving(before: State, after: State) -> list[str]:
    """The command that brings the rows along, where they are kept elsewhere from now on."""
    if before.rows is None or after.rows is None or before.rows[0] == after.rows[0]:
        return []
    (old, package), (new, other) = before.rows, after.rows
    if not old or not new:
        return ["none: they stay where they are, and `migrate` does not bring them from there"]
    command = f"migrate --rows-from '{old}'"
    return [run(command) if package == other else run_with(package, command)]


def _conflicts(it: Comparison) -> list[str]:
    """Files in which an edit and the change met."""
    if not (changed := it.named("M")):
        return []
    found = git(it.folder, "grep", "-lE", MARKER, it.after, "--", *changed, ok=1)
    return [line.partition(":")[2] for line in found.splitlines()]


if __name__ == "__main__":
    told = effects(Comparison(Path.cwd(), *sys.argv[1:]))
    print(json.dumps([asdict(it) for it in told]))
