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

from scripts.commands import run, tool
from scripts.planning import imports
from scripts.planning.model import Model, brought_back, load
from scripts.planning.tools import run_tool

COPIER = "copier==9.19.1"
EXTENSION = "copier-template-extensions==0.3.4"
"""What makes the change; this version of the template was tried with these."""

NEWEST = tool("copier-template-extensions", "copier update --trust --defaults")
FIXES = (
    ("Unknown revision", "leave out `--to` for the newest version, or name a tag of the template"),
    ("requires Copier version", f"update with the newest Copier by `{NEWEST}`"),
    ("maximum recursion depth", "nest the answers less deeply"),
)
"""What helps, by what Copier says."""

QUIETLY = ("--trust", "--defaults", "--quiet")
"""How Copier asks and tells nothing."""

HERE = Path(__file__).resolve().parent
MODEL = "Planning/model.json"
ANSWERS = ".copier-answers.yml"
RESTORED = f"put the file back from git (`git log -- {ANSWERS}`)"
ARCHIVE = "Planning/Archive"
MARKER = r"^(<<<<<<<|>>>>>>>)( |$)"
PERSON = {"GIT_AUTHOR_NAME": "plan", "GIT_AUTHOR_EMAIL": "plan@localhost"}
"""Whom git names for states that never become part of the history."""


UNDONE = "The last commit is back."
NOT_INTERRUPTED = "No change was interrupted."
MOVED_ON = (
    "The last commit is another one since a change was interrupted:"
    " git has it, and nothing is taken back."
)
"""How `plan undo` can end."""


class RefusedError(Exception):
    """Nothing was changed; the message says why, and what helps."""


class CopierError(RefusedError):
    """What Copier reports, which may be several problems, each on a line."""


@dataclass(frozen=True)
class Step:
    """A step that was begun: the commit that it starts from, and the one that it comes to."""

    head: str
    commit: str


@dataclass(frozen=True)
class Change:
    """A change of answers, made in a clone and not brought here yet."""

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

    @property
    def affected(self) -> Iterator[str]:
        """The owned files that import what changes under them."""
        old, new = (
            imports.libraries(_git(self.clone, "show", f"{it}:pyproject.toml"))
            for it in ("HEAD", self.commit)
        )
        owned = set(self.before.owned) & set(self.after.owned) - self.changed
        return imports.affected(self.root, owned, self.changed, old - new)

    @cached_property
    def conflicts(self) -> tuple[str, ...]:
        """Files in which an edit and the change met."""
        found = _git(self.clone, "grep", "-lE", MARKER, self.commit, "--", *self.named("M"), ok=1)
        return tuple(line.partition(":")[2] for line in found.splitlines()) if self.files else ()


@contextmanager
def prepared(root: Path, arguments: Sequence[str]) -> Iterator[Change]:
    """Make a change in a clone of the project; `arguments` say to Copier what is new."""
    _ready(root)
    check_answers(ANSWERS, (root / ANSWERS).read_bytes(), RESTORED)
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        clone = Path(folder) / root.name
        _git(root, "clone", "--quiet", "--local", str(root), str(clone))
        pristine = Path(folder) / "pristine"
        _make_anew(clone, pristine, arguments)
        archived = _archive(clone, pristine)
        _git(clone, "add", "--all")
        tree = _git(clone, "write-tree")
        commit = _git(clone, "commit-tree", tree, "-p", "HEAD", "-m", "plan", env=PERSON)
        yield Change(root, clone, commit, archived)


def bring(change: Change) -> None:
    """Make the project what the clone is. A journal records the step while it is under way."""
    root, journal = change.root, _journal(change.root)
    step = Step(_head(change.clone), change.commit)
    if _head(root) != step.head:
        raise RefusedError(
            "something was committed meanwhile, and nothing was changed. Fix: try again"
        )
    _git(root, "fetch", "--quiet", "--no-tags", str(change.clone), step.commit)
    move = ("-m", "-u", step.head, step.commit)
    _git(root, "read-tree", "--dry-run", *move)  # somebody may have edited here meanwhile
    written = journal.with_suffix(".new")
    written.write_text(json.dumps(asdict(step)), encoding="utf-8")
    written.replace(journal)  # whole or not at all
    try:
        _git(root, "read-tree", *move)
    except RefusedError:
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
        raise RefusedError(
            f"{_some(edits)} was edited since, and nothing was taken back. Fix: {fix}"
        )
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
    """The step that the journal records."""
    journal = _journal(root)
    try:
        step = Step(**json.loads(journal.read_text(encoding="utf-8")))
        known = _is_commit(root, step.head) and _is_commit(root, step.commit)
    except (OSError, ValueError, TypeError):
        known = False
    if not known:
        fix = f"`git status` shows what is not committed; keep what you want, and remove {journal}"
        raise RefusedError(f"{journal.name} cannot be read, and nothing was changed. Fix: {fix}")
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
        raise RefusedError("git is not there. Fix: install git")
    top = subprocess.run(["git", "rev-parse", "--show-toplevel"], cwd=root, capture_output=True)
    if top.returncode:
        raise RefusedError(
            "this folder is not a git repository. Fix: `git init`, and commit what is there"
        )
    if (repository := Path(os.fsdecode(top.stdout.strip()))) != root.resolve():
        fix = "give the project one of its own"
        raise RefusedError(f"this folder is only a part of the repository {repository}. Fix: {fix}")
    if _is_interrupted(root):
        raise RefusedError(f"a change was interrupted. Fix: `{run('plan undo')}` takes it back")
    if not _head(root):
        raise RefusedError("nothing is committed. Fix: `git add --all && git commit`")
    if marked := _git(root, "grep", "-lE", MARKER, ok=1).splitlines():
        raise RefusedError(f"{_some(marked)} has marks of a conflict. Fix: resolve it, and commit")
    if dirty := [line[3:] for line in _git(root, "status", "--porcelain").splitlines()]:
        raise RefusedError(f"{_some(dirty)} is not committed. Fix: `git commit` or `git stash`")
    source = _source(root)
    if not re.match(r"[\w.+-]+:|[\w.-]+@", source) and not Path(source).expanduser().is_dir():
        fix = f"put the template back, or correct `_src_path` in {ANSWERS} and commit"
        raise RefusedError(f"the template is no longer at {source}. Fix: {fix}")


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
    raise RefusedError(f"{ANSWERS} has no {key}. Fix: {RESTORED}")


def _make_anew(clone: Path, pristine: Path, arguments: Sequence[str]) -> None:
    """Bring what is new into the clone, and what its answers made so far, without edits, beside it."""
    if not (clone / MODEL).is_file():
        raise RefusedError(f"{MODEL} is missing. Fix: {brought_back(MODEL)}")
    before = (clone / MODEL).read_bytes()
    known = ("--vcs-ref", _recorded(clone, "_commit"), "--data-file", ANSWERS)
    merged = ("--context-lines", "20", "--conflict", "inline")
    errors = _copier(
        clone,
        ("copy", *QUIETLY, *known, _source(clone), str(pristine)),
        ("update", *QUIETLY, *merged, *arguments, "."),
    )
    if (pristine / MODEL).is_file() and (pristine / MODEL).read_bytes() != before:
        fix = f"put {ANSWERS} back as it was (`git log -p -- {ANSWERS}`), and answer here"
        raise RefusedError(f"{ANSWERS} says something else than {MODEL}. Fix: {fix}")
    if errors:
        raise CopierError(errors)


def check_answers(name: str, content: bytes, fix: str = "") -> None:
    """Refuse YAML that Copier cannot take for answers, of which it would say too little."""
    done = _with_copier("fault", content, HERE)
    fault = json.loads(done.stdout) if done.returncode == 0 else None
    if fault:
        line, problem, remedy = fault
        raise RefusedError(f"{name}{f':{line}' if line else ''}{problem}. Fix: {fix or remedy}")


def _copier(folder: Path, *commands: Sequence[str]) -> str:
    """Run commands of Copier up to one that fails; its last lines say what is wrong."""
    done = _with_copier("run", json.dumps(commands).encode(), folder)
    if done.returncode == 0:
        return ""
    errors = _shortened(done.stderr.decode("utf-8", "replace"))
    return "\n".join(errors) or "Copier failed without a message. Fix: try again"


def _with_copier(what: str, given: bytes, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Do something among the packages of Copier and of the extension that the template needs."""
    command = ("python", "-I", str(HERE / "with_copier.py"), what)
    return run_tool(COPIER, EXTENSION, *command, folder=folder, given=given)


def _shortened(errors: str) -> list[str]:
    """What Copier reported, without the path through its code and the last full stop."""
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
    unedited = pristine / path
    document = path.startswith("Planning/") and path.endswith(".md")
    return document or not unedited.is_file() or unedited.read_bytes() != _bytes(clone, path)


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
        errors = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise RefusedError(
            f"git {arguments[0]} failed: {errors[-1]}. Fix: what git names, then try again"
        )
    return done.stdout.rstrip("\n")
