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
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from scripts.planning.model import Model, brought_back, load

COPIER = "copier==9.19.1"
EXTENSION = "copier-template-extensions==0.3.4"
"""What makes the change; this version of the template was tried with these."""

NEWEST = "`uvx --with copier-template-extensions copier update --trust --defaults`"
FIXES = (
    ("Unknown revision", "leave out `--to` for the newest version, or name a tag of the template"),
    ("requires Copier version", f"update with the newest Copier by {NEWEST}"),
    ("maximum recursion depth", "nest the answers less deeply"),
)
"""What helps, by what Copier says."""

ANSWERS = ".copier-answers.yml"
RESTORED = f"put the file back from git (`git log -- {ANSWERS}`)"
ARCHIVE = "Planning/Archive"
MARKER = r"^(<<<<<<<|>>>>>>>)( |$)"
PERSON = {"GIT_AUTHOR_NAME": "plan", "GIT_AUTHOR_EMAIL": "plan@localhost"}
"""Whom git names for states that never become part of the history."""


UNDONE = "The last commit is back."
NOT_INTERRUPTED = "No change of mind was interrupted."
MOVED_ON = (
    "The last commit is another one since a change of mind was interrupted:"
    " git has it, and nothing is taken back."
)
"""How `plan undo` can end."""


class Stop(Exception):
    """Nothing was changed; the message says why, and what helps."""


class Told(Stop):
    """What Copier says, which may be several problems, each on a line."""


@dataclass(frozen=True)
class Step:
    """A step that was begun: the commit that it starts from, and the one that it comes to."""

    head: str
    commit: str


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
    check_answers(ANSWERS, (root / ANSWERS).read_bytes(), RESTORED)
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
    step = Step(_head(change.clone), change.commit)
    if _head(root) != step.head:
        raise Stop("something was committed meanwhile, and nothing was changed. Fix: try again")
    _git(root, "fetch", "--quiet", "--no-tags", str(change.clone), step.commit)
    move = ("-m", "-u", step.head, step.commit)
    _git(root, "read-tree", "--dry-run", *move)  # somebody may have edited here meanwhile
    written = journal.with_suffix(".new")
    written.write_text(json.dumps(asdict(step)), encoding="utf-8")
    written.replace(journal)  # whole or not at all
    try:
        _git(root, "read-tree", *move)
    except Stop:
        undo(root)
        raise
    journal.unlink()


def undo(root: Path) -> str:
    """Take back a step that was interrupted, and nothing that somebody did since; say how it ends."""
    journal = _journal(root)
    if not journal.exists():
        return NOT_INTERRUPTED
    if not _is_interrupted(root):
        return MOVED_ON
    step = _begun(root)
    if edits := _edits(root, step):
        fix = "move it out of the project, and undo again"
        if _is_complete(root, step):
            fix = f"`git commit --all` keeps it with the change; or {fix}"
        raise Stop(f"{_some(edits)} was edited since, and nothing was taken back. Fix: {fix}")
    (journal.parent / "index.lock").unlink(missing_ok=True)
    _git(root, "reset", "--quiet", "--hard", step.head)
    for kind, path in _states(root, step.head, step.commit):
        if kind == "A" and (root / path).is_file():
            (root / path).unlink()
    journal.unlink()
    return UNDONE


def _is_interrupted(root: Path) -> bool:
    """Whether a step waits to be taken back; one from before another commit never is any more."""
    journal = _journal(root)
    if not journal.exists():
        return False
    if _begun(root).head != _head(root):
        journal.unlink()
        return False
    return True


def _begun(root: Path) -> Step:
    """The step that the journal tells of."""
    journal = _journal(root)
    try:
        step = Step(**json.loads(journal.read_text(encoding="utf-8")))
        known = _is_commit(root, step.head) and _is_commit(root, step.commit)
    except (OSError, ValueError, TypeError):
        known = False
    if not known:
        fix = f"`git status` shows what is not committed; keep what you want, and remove {journal}"
        raise Stop(f"{journal.name} cannot be read, and nothing was changed. Fix: {fix}")
    return step


def _is_commit(root: Path, name: object) -> bool:
    """Whether git has a commit of this whole name."""
    if not isinstance(name, str) or not re.fullmatch(r"[0-9a-f]{40,64}", name):
        return False
    return bool(_git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", ok=1))


def _edits(root: Path, step: Step) -> list[str]:
    """The files that are neither as they were nor as the step makes them, here or in git's index."""
    kinds = {path: kind for kind, path in _states(root, step.head, step.commit)}
    before, after = _unlike(root, step.head), _unlike(root, step.commit)
    edits = {it for it in before | after if _is_edit(kinds.get(it, ""), it in before, it in after)}
    if not _is_complete(root, step):
        written = {it for it, kind in kinds.items() if kind in ("A", "M")}
        edits -= {it for it in edits & written if _is_part(root, step.commit, it)}
    return sorted(edits | (_staged(root, step.head) & _staged(root, step.commit)))


def _is_edit(kind: str, is_unlike_before: bool, is_unlike_after: bool) -> bool:
    """Whether a file is unlike itself in both commits, or in the one that has it."""
    return (is_unlike_before or kind == "A") and (is_unlike_after or kind == "D")


def _unlike(root: Path, commit: str) -> set[str]:
    """The files of a commit that are here with other content."""
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(root, "read-tree", commit, env=index)
        return _names(_git(root, "diff", "--name-only", "--diff-filter=d", "-z", env=index))


def _staged(root: Path, commit: str) -> set[str]:
    """The files that git's index has with other content than a commit."""
    return _names(_git(root, "diff", "--cached", "--name-only", "--diff-filter=d", "-z", commit))


def _is_complete(root: Path, step: Step) -> bool:
    """Whether all files were written; git's index is what a step writes last."""
    return not _git(root, "diff", "--cached", "--name-only", step.commit)


def _is_part(root: Path, commit: str, path: str) -> bool:
    """Whether a file was not yet written to its end."""
    content = _bytes(root, path, commit)
    return content.startswith((root / path).read_bytes())


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
    if _is_interrupted(root):
        raise Stop("a change of mind was interrupted. Fix: `uv run plan undo` takes it back")
    if not _head(root):
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
    raise Stop(f"{ANSWERS} has no {key}. Fix: {RESTORED}")


def _as_made(clone: Path, pristine: Path) -> Path:
    """The project as its answers make it, without anybody's edits."""
    flags = ("--trust", "--defaults", "--quiet", "--vcs-ref", _recorded(clone, "_commit"))
    _copier(clone, "copy", *flags, "--data-file", ANSWERS, _source(clone), str(pristine))
    model = Path("Planning") / "model.json"
    if not (clone / model).is_file():
        raise Stop(f"{model} is missing. Fix: {brought_back(model.as_posix())}")
    if (pristine / model).read_bytes() != (clone / model).read_bytes():
        fix = f"put {ANSWERS} back as it was (`git log -p -- {ANSWERS}`), and answer here"
        raise Stop(f"{ANSWERS} says something else than {model}. Fix: {fix}")
    return pristine


def _update(clone: Path, arguments: Sequence[str]) -> None:
    flags = ("--trust", "--defaults", "--quiet", "--context-lines", "20", "--conflict", "inline")
    _copier(clone, "update", *flags, *arguments, ".")


def check_answers(name: str, content: bytes, fix: str = "") -> None:
    """Refuse YAML that Copier cannot take for answers, of which it would say too little."""
    script = Path(__file__).resolve().with_name("yaml_fault.py")
    done = _with_copier(script.parent, "python", "-I", str(script), given=content)
    fault = json.loads(done.stdout) if done.returncode == 0 else None
    if fault:
        line, said, own = fault
        raise Stop(f"{name}{f':{line}' if line else ''}{said}. Fix: {fix or own}")


def _copier(folder: Path, *arguments: str) -> None:
    """Run Copier; its last lines say what is wrong."""
    done = _with_copier(folder, "copier", *arguments)
    if done.returncode:
        said = _told(done.stderr.decode("utf-8", "replace"))
        raise Told("\n".join(said) or "Copier failed and did not say why. Fix: try again")


def _with_copier(
    folder: Path, *command: str, given: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a command among the packages of Copier and of the extension that the template needs."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        raise Stop("uv is not there. Fix: install uv, or run this with `uv run plan …`")
    tool = [uv, "tool", "run", "--from", COPIER, "--with", EXTENSION]
    kept = {name: it for name, it in os.environ.items() if name not in ("VIRTUAL_ENV", "UV_PYTHON")}
    return subprocess.run([*tool, *command], cwd=folder, env=kept, input=given, capture_output=True)


def _told(errors: str) -> list[str]:
    """What Copier said, without the path through its code and the last full stop."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", errors).strip().removesuffix(".").splitlines()
    if any(line.startswith("Traceback") for line in plain):
        plain = [_raised(plain)]
    return [f"{line}{_way_out(line)}" for line in plain]


def _raised(trace: Sequence[str]) -> str:
    """What a traceback ends with, in a line: all that stands after the name of the last error."""
    named = [it for it, line in enumerate(trace) if re.match(r"[\w.]+(Error|Exception)\b", line)]
    last = " ".join(line.strip() for line in trace[named[-1] if named else -1 :])
    return last.partition("Error: ")[2] or last


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


def _bytes(folder: Path, path: str, commit: str = "HEAD") -> bytes:
    """A file as a commit has it, by itself as it was before the change."""
    return subprocess.run(
        ["git", "show", f"{commit}:{path}"], cwd=folder, capture_output=True, check=True
    ).stdout


def _states(folder: Path, *between: str) -> Iterator[tuple[str, str]]:
    """What happens to each file between two states, named as `git diff` names them."""
    listed = _git(folder, "diff", "--name-status", "--no-renames", "-z", *between)
    parts = [part for part in listed.split("\0") if part]
    yield from zip(parts[::2], parts[1::2], strict=True)


def _names(listed: str) -> set[str]:
    """The paths that git lists with `-z`."""
    return {it for it in listed.split("\0") if it}


def _head(folder: Path) -> str:
    """The last commit; nothing where there is none."""
    return _git(folder, "rev-parse", "--verify", "--quiet", "HEAD", ok=1)


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
