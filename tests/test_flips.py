"""Every decision flipped on a project with edits everywhere: all are where they were, in a conflict, or archived."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from copies import Generate, git
from test_decide import plan
from test_updates import SHOP, an_option

EVERY = 9
"""Lines between two edits."""

COMMENTS = {
    ".py": "# {}",
    ".md": "<!-- {} -->",
    ".toml": "# {}",
    ".yml": "# {}",
    ".example": "# {}",
    ".gitignore": "# {}",
}
"""How somebody writes a note into a file; JSON has none, and the answers are never edited by hand."""


@dataclass
class Count:
    """What became of the edits of one flip."""

    seeded: int = 0
    kept: int = 0
    conflicts: int = 0
    archived: int = 0
    lost: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ends = len(self.lost), len(self.misplaced)
        return " | ".join(map(str, (self.seeded, self.kept, self.conflicts, self.archived, *ends)))


@dataclass(frozen=True)
class Edit:
    """A line of somebody's own, between two others."""

    path: str
    text: str
    before: str
    after: str


def seed(project: Path) -> list[Edit]:
    """Write a line of our own at the head, the end and every few lines of every file that takes comments."""
    edits: list[Edit] = []
    for name in git(project, "ls-files").splitlines():
        path = project / name
        pattern = COMMENTS.get(path.suffix or path.name)
        if pattern is None or name == ".copier-answers.yml":
            continue
        lines = path.read_text("utf-8").splitlines()
        seeded: list[str] = []
        for number, line in enumerate([*lines, ""]):
            if number % EVERY == 0 or number == len(lines):
                text = pattern.format(f"edit {len(edits)} of {name}")
                edits.append(Edit(name, text, lines[number - 1] if number else "", line))
                seeded.append(text)
            if number < len(lines):
                seeded.append(line)
        path.write_text("\n".join(seeded) + "\n")
    git(project, "commit", "--quiet", "--all", "--message", "edited")
    return edits


def judge(project: Path, edits: list[Edit]) -> Count:
    """Where each edit is now."""
    count, last = Count(seeded=len(edits)), ("", -1)
    for edit in edits:
        path, archived = project / edit.path, project / "Planning" / "Archive" / edit.path.removeprefix("Planning/")
        kept = [it for it in (archived, archived.with_name(f"{archived.name}.txt")) if it.is_file()]
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        if edit.text in lines:
            place = lines.index(edit.text)
            around = {lines[place - 1] if place else "", lines[place + 1] if place + 1 < len(lines) else ""}
            in_order = edit.path != last[0] or place > last[1]
            last = (edit.path, place)
            if in_conflict(lines, place):
                count.conflicts += 1
            elif in_order and around & {edit.before, edit.after}:
                count.kept += 1
            else:
                count.misplaced.append(edit.text)
        elif any(edit.text in it.read_text("utf-8") for it in kept):
            count.archived += 1
        else:
            count.lost.append(edit.text)
    return count


def in_conflict(lines: list[str], place: int) -> bool:
    """Whether a line is between the marks of a conflict."""
    opened = [number for number, line in enumerate(lines[:place]) if line.startswith("<<<<<<<")]
    closed = [number for number, line in enumerate(lines[:place]) if line.startswith(">>>>>>>")]
    return len(opened) > len(closed)


@an_option
def test_a_flip_keeps_every_edit(generate: Generate, id: str, option: str) -> None:
    """Lost and misplaced are none; what met the change is a conflict that is shown."""
    project = generate(SHOP)
    edits = seed(project)
    done = plan(project, "decide", f"{id}={option}")
    assert done.returncode in (0, 1), done.stderr
    count = judge(project, edits)
    print(f"\n| flip | seeded | kept | conflicts | archived | lost | misplaced |\n| {id}={option} | {count} |")
    assert (count.lost, count.misplaced) == ([], [])
    assert (count.conflicts > 0) == (done.returncode == 1)
