"""`plan decide` and `plan update`: answer anew, or take a newer template, and lose nothing.

The change is made in a clone. Only what is complete is brought here, by one step of git; until then
nothing here has changed, whatever interrupts it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.planning.model import Model, load

COPIER = "copier==9.19.1"
EXTENSION = "copier-template-extensions==0.3.4"
"""What makes the change; this version of the template was tried with these."""

NEWEST = "`uvx --with copier-template-extensions copier update --trust --defaults`"
FIXES = (
    ("Unknown revision", "leave out `--to` for the newest version, or name a tag of the template"),
    ("requires Copier version", f"update with the newest Copier by {NEWEST}"),
)
"""What helps, by what Copier says."""

ANSWERS = ".copier-answers.yml"
ARCHIVE = "Planning/Archive"
MARKER = r"^(<<<<<<<|>>>>>>>)( |$)"
PERSON = {"GIT_AUTHOR_NAME": "plan", "GIT_AUTHOR_EMAIL": "plan@localhost"}
"""Whom git names for states that never become part of the history."""


class Stop(Exception):
    """Nothing was changed; the message says why, and what helps."""


@dataclass(frozen=True)
class Change:
    """A change of mind, made in a clone and not brought here yet."""

    root: Path
    clone: Path
    commit: str
    """What the project would become."""
    archived: tuple[str, ...]
    """What would have been deleted, and goes to the archive."""

    @cached_property
    def before(self) -> Model:
        return load(self.root)

    @cached_property
    def after(self) -> Model:
        return load(self.clone)

    @cached_property
    def files(self) -> tuple[tuple[str, str], ...]:
        """What happens to each file: `A` it comes, `M` it changes, `D` it goes."""
        return tuple(_states(self.clone, "HEAD", self.commit))

    @property
    def changed(self) -> frozenset[str]:
        return frozenset(path for _, path in self.files)

    def named(self, state: str) -> tuple[str, ...]:
        return tuple(path for kind, path in self.files if kind == state)

    @cached_property
    def conflicts(self) -> tuple[str, ...]:
        """Files in which an edit and the change met."""
        found = _git(self.clone, "grep", "-lE", MARKER, self.commit, "--", *self.named("M"), ok=1)
        return tuple(line.partition(":")[2] for line in found.splitlines()) if self.files else ()


@contextmanager
def made(root: Path, arguments: Sequence[str]) -> Iterator[Change]:
    """Make a change in a clone of the project; `arguments` say to Copier what is new."""
    _ready(root)
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        clone = Path(folder) / root.name
        _git(root, "clone", "--quiet", "--local", str(root), str(clone))
        pristine = _as_made(clone, Path(folder) / "pristine")
        _update(clone, arguments)
        archived = _archive(clone, pristine)
        _git(clone, "add", "--all")
        tree = _git(clone, "write-tree")
        commit = _git(clone, "commit-tree", tree, "-p", "HEAD", "-m", "plan", env=PERSON)
        yield Change(root, clone, commit, archived)


def bring(change: Change) -> None:
    """Make the project what the clone is. A journal tells of a step that was interrupted."""
    root, journal = change.root, _journal(change.root)
    _git(root, "fetch", "--quiet", "--no-tags", str(change.clone), change.commit)
    step = ("-m", "-u", "HEAD", change.commit)
    _git(root, "read-tree", "--dry-run", *step)  # somebody may have edited here meanwhile
    written = journal.with_suffix(".new")
    written.write_text(json.dumps(change.named("A")), encoding="utf-8")
    written.replace(journal)  # whole or not at all
    try:
        _git(root, "read-tree", *step)
    except Stop:
        undo(root)
        raise
    journal.unlink()


def undo(root: Path) -> bool:
    """Put the last commit back after a step that was interrupted; tell whether there was one."""
    journal = _journal(root)
    if not journal.exists():
        return False
    new = _came(journal)
    (journal.parent / "index.lock").unlink(missing_ok=True)
    _git(root, "reset", "--quiet", "--hard", "HEAD")
    for path in new:
        (root / path).unlink(missing_ok=True)
    journal.unlink()
    return True


def _came(journal: Path) -> list[str]:
    """The files that an interrupted step may have brought, none of which the last commit has."""
    try:
        came = json.loads(journal.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        came = None
    if not isinstance(came, list) or not all(isinstance(it, str) for it in came):
        fix = f"`git status` shows what is not committed; keep what you want, and remove {journal}"
        raise Stop(f"{journal.name} was damaged, so that nothing was taken back. Fix: {fix}")
    return came


def _ready(root: Path) -> None:
    """Refuse to begin where something could be lost or could not be taken back."""
    if shutil.which("git") is None:
        raise Stop("git is not there. Fix: install git")
    top = subprocess.run(["git", "rev-parse", "--show-toplevel"], cwd=root, capture_output=True)
    if top.returncode:
        raise Stop("this folder is no git repository. Fix: `git init`, and commit what is there")
    if (repository := Path(os.fsdecode(top.stdout.strip()))) != root.resolve():
        fix = "give the project one of its own"
        raise Stop(f"this folder is only a part of the repository {repository}. Fix: {fix}")
    if _journal(root).exists():
        raise Stop("a change of mind was interrupted. Fix: `uv run plan undo` takes it back")
    if not _git(root, "rev-parse", "--verify", "--quiet", "HEAD", ok=1):
        raise Stop("nothing is committed. Fix: `git add --all && git commit`")
    if marked := _git(root, "grep", "-lE", MARKER, ok=1).splitlines():
        raise Stop(f"{_some(marked)} has marks of a conflict. Fix: resolve it, and commit")
    if dirty := [line[3:] for line in _git(root, "status", "--porcelain").splitlines()]:
        raise Stop(f"{_some(dirty)} is not committed. Fix: `git commit` or `git stash`")
    source = _source(root)
    if not re.match(r"[\w.+-]+:|[\w.-]+@", source) and not Path(source).expanduser().is_dir():
        fix = f"put the template back, or correct `_src_path` in {ANSWERS} and commit"
        raise Stop(f"the template is no longer at {source}. Fix: {fix}")


def _source(root: Path) -> str:
    """Where the template is, as the answers file records it."""
    return _recorded(root, "_src_path")


def _recorded(root: Path, key: str) -> str:
    try:
        text = (root / ANSWERS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    if found := re.search(rf"^{key}: *(.+?) *$", text, re.MULTILINE):
        return found[1].strip("'\"")
    raise Stop(f"{ANSWERS} has no {key}. Fix: put the file back from git (`git log -- {ANSWERS}`)")


def _as_made(clone: Path, pristine: Path) -> Path:
    """The project as its answers make it, without anybody's edits."""
    flags = ("--trust", "--defaults", "--quiet", "--vcs-ref", _recorded(clone, "_commit"))
    _copier(clone, "copy", *flags, "--data-file", ANSWERS, _source(clone), str(pristine))
    model = Path("Planning") / "model.json"
    if (pristine / model).read_bytes() != (clone / model).read_bytes():
        fix = f"put {ANSWERS} back as it was (`git log -p -- {ANSWERS}`), and answer here"
        raise Stop(f"{ANSWERS} says something else than {model}. Fix: {fix}")
    return pristine


def _update(clone: Path, arguments: Sequence[str]) -> None:
    flags = ("--trust", "--defaults", "--quiet", "--context-lines", "20", "--conflict", "inline")
    _copier(clone, "update", *flags, *arguments, ".")


def _copier(folder: Path, *arguments: str) -> None:
    """Run Copier with the extension that the template needs; its last lines say what is wrong."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        raise Stop("uv is not there. Fix: install uv, or run this with `uv run plan …`")
    command = [uv, "tool", "run", "--from", COPIER, "--with", EXTENSION, "copier", *arguments]
    kept = {name: it for name, it in os.environ.items() if name not in ("VIRTUAL_ENV", "UV_PYTHON")}
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True)
    if done.returncode:
        raise Stop("\n".join(_told(done.stderr)) or "Copier failed and did not say why")


def _told(errors: str) -> list[str]:
    """What Copier said, without the path through its code and the last full stop."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", errors).strip().removesuffix(".").splitlines()
    if any(line.startswith("Traceback") for line in plain):
        plain = [plain[-1].partition("Error: ")[2] or plain[-1]]
    return [f"{line}{_way_out(line)}" for line in plain]


def _way_out(line: str) -> str:
    """The fix for what Copier only states."""
    fixes = (fix for stated, fix in FIXES if stated in line)
    return "".join(f". Fix: {fix}" for fix in fixes)


def _archive(clone: Path, pristine: Path) -> tuple[str, ...]:
    """Put documents that went, and files that went with somebody's edits in them, into the archive."""
    _git(clone, "add", "--all")
    gone = [path for kind, path in _states(clone, "--cached", "HEAD") if kind == "D"]
    if not gone:
        return ()
    kept = [path for path in gone if _is_worth(clone, pristine, path)]
    for path in kept:
        target = clone / ARCHIVE / (path.removeprefix("Planning/") + _suffix(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_bytes(clone, path))
    return tuple(kept)


def _is_worth(clone: Path, pristine: Path, path: str) -> bool:
    """Whether a file is a document, or is not as it was made."""
    made = pristine / path
    document = path.startswith("Planning/") and path.endswith(".md")
    return document or not made.is_file() or made.read_bytes() != _bytes(clone, path)


def _suffix(path: str) -> str:
    """So that nothing takes archived code for code."""
    return "" if path.endswith(".md") else ".txt"


def _bytes(clone: Path, path: str) -> bytes:
    """A file as it was before the change."""
    return subprocess.run(
        ["git", "show", f"HEAD:{path}"], cwd=clone, capture_output=True, check=True
    ).stdout


def _states(folder: Path, *between: str) -> Iterator[tuple[str, str]]:
    """What happens to each file between two states, named as `git diff` names them."""
    listed = _git(folder, "diff", "--name-status", "--no-renames", "-z", *between)
    parts = [part for part in listed.split("\0") if part]
    yield from zip(parts[::2], parts[1::2], strict=True)


def _journal(root: Path) -> Path:
    """Where an interrupted step is remembered: with git's own state, never in the project."""
    return root / _git(root, "rev-parse", "--git-path", "plan-change.json")


def _some(names: Sequence[str]) -> str:
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return f"{names[0]}{more}"


def _git(folder: Path, *arguments: str, ok: int = 0, env: dict[str, str] | None = None) -> str:
    """What git answers; `ok` is a further exit code that means no failure."""
    committer = {name.replace("AUTHOR", "COMMITTER"): it for name, it in (env or {}).items()}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **(env or {}), **committer},
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, ok):
        said = done.stderr.strip().splitlines() or ["it did not say why"]
        raise Stop(f"git {arguments[0]} failed: {said[-1]}. Fix: what git names, then try again")
    return done.stdout.rstrip("\n")
