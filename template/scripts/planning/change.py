"""`plan decide` and `plan update`: change answers, or take a newer template, and lose nothing.

What the answers make now is merged by git, in a clone, with what people wrote. Only what is complete
is brought here, by one step of git; until then nothing here has changed, whatever interrupts it.
"""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from scripts.commands import LOCK_FILE, run, tool
from scripts.planning.effects import MARKER, Effect, archived
from scripts.planning.git import SAME_BYTES, RefusedError, content, environment, file_states, git
from scripts.planning.model import MODEL, brought_back
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
ANSWERS = ".copier-answers.yml"
RESTORED = f"put the file back from git (`git log -- {ANSWERS}`)"
PRESENT = ("--name-only", "--relative", "--diff-filter=d", "-z")
"""How git lists the files of the project that a state has."""
EDITED = ("--name-only", "--relative", "-z")
"""The same, with those that are gone."""
PERSON = {
    f"GIT_{role}_{key}": it
    for role in ("AUTHOR", "COMMITTER")
    for key, it in (("NAME", "plan"), ("EMAIL", "plan@localhost"))
}
"""Whom git names for states that never become part of the history."""
EMPTY = "--empty"
"""How git calls an index that has nothing yet."""
NEW = "new-answers"
"""How marks of a conflict call what is made now."""
MERGE = (
    "merge",
    "--quiet",
    "--no-commit",
    "--no-ff",
    "--no-verify-signatures",
    "--strategy=recursive",
    "-Xno-renames",
)
"""How git merges it, whatever the machine prefers."""
TEMPORARY = "plan-change-"
"""How the names of temporary folders begin."""
LEFT_AFTER = 3600
"""After how many seconds a temporary folder is one that a killed run left; a change takes a minute."""

UNDONE = "The last commit is back."
NOT_INTERRUPTED = "No change was interrupted."
MOVED_ON = (
    "The last commit is another one since a change was interrupted:"
    " git has it, and nothing is taken back."
)
"""How `plan undo` can end."""


Files = Mapping[str, str]
"""The files of a tree: mode and id of each, by path."""


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
    head: str
    """The last commit of the repository that the project is in, or is a folder of."""
    clone: Path
    """A repository that holds the project alone."""
    commit: str
    """What the project would become, in the clone."""

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """What it affects, in the words of the new state, which can read what older ones recorded."""
        told = json.loads(_by_new_state(self.clone, "effects", "HEAD", self.commit))
        return tuple(
            Effect(it["key"], it["title"], it["counted"], tuple(it["found"])) for it in told
        )

    @property
    def is_empty(self) -> bool:
        return not git(self.clone, "diff", "--name-only", "HEAD", self.commit)


@contextmanager
def prepared(root: Path, arguments: Sequence[str]) -> Iterator[Change]:
    """Make a change in a clone of the project; `arguments` say to Copier what is new."""
    _ready(root)
    check_answers(ANSWERS, (root / ANSWERS).read_bytes(), RESTORED)
    with _temporary() as folder:
        head, clone, pristine = _head(root), folder / "clone" / root.name, folder / "pristine"
        new = folder / "new"
        whole = git(root, "rev-parse", "--show-toplevel")
        git(root, "clone", "--quiet", "--shared", "--no-checkout", whole, str(clone))
        alone = _committed(clone, _project(root, head))
        git(clone, "checkout", "--quiet", "--detach", alone, settings=SAME_BYTES)
        _make_anew(clone, pristine, new, arguments)
        _merge(clone, pristine, new)
        _archive(clone, pristine)
        _by_new_state(clone, "imports")
        git(clone, "add", "--all", settings=SAME_BYTES)
        commit = _committed(clone, git(clone, "write-tree"), "-p", "HEAD")
        added = (path for kind, path in file_states(clone, "HEAD", commit) if kind == "A")
        if there := [it for it in added if os.path.lexists(root / it)]:
            fix = "commit it, or move it out of the project"
            raise RefusedError(f"{_some(there)} is there and not in git. Fix: {fix}")
        yield Change(root, head, clone, commit)


def bring(change: Change) -> None:
    """Make the project what the clone is. A journal records the step while it is under way."""
    root, journal = change.root, _journal(change.root)
    if _head(root) != change.head:
        raise RefusedError(
            "something was committed meanwhile, and nothing was changed. Fix: try again"
        )
    git(root, "fetch", "--quiet", "--no-tags", str(change.clone), change.commit)
    tree = _with_project(root, change.head, f"{change.commit}^{{tree}}")
    step = Step(change.head, _committed(root, tree, "-p", change.head))
    move = ("-m", "-u", step.head, step.commit)
    refresh = ("update-index", "-q", "--refresh")  # for files that were written as they were
    with _index(root) as index:  # somebody may have edited here meanwhile
        git(root, *refresh, env=index)
        git(root, "read-tree", "--dry-run", *move, env=index)
    journal.parent.mkdir(parents=True, exist_ok=True)
    written = journal.with_suffix(".new")
    written.write_text(json.dumps(asdict(step)), encoding="utf-8")
    written.replace(journal)  # whole or not at all
    try:
        git(root, *refresh)
        git(root, "read-tree", *move)
    except RefusedError:
        undo(root)
        raise
    journal.unlink()


def undone_by(root: Path) -> str:
    """The command, in the folder of the project, that takes back a change that is not committed."""
    is_folder = git(root, "rev-parse", "--show-prefix")
    return "git restore --staged --worktree ." if is_folder else "git reset --hard"


def _committed(folder: Path, tree: str, *parent: str) -> str:
    """A commit of a tree, which no branch has."""
    return git(folder, "commit-tree", tree, *parent, "-m", "plan", env=PERSON)


def _with_project(root: Path, head: str, tree: str) -> str:
    """The tree of a whole repository with another one for the folder of the project."""
    folder = git(root, "rev-parse", "--show-prefix")
    if not folder:
        return git(root, "rev-parse", tree)
    with _index(root, head) as index:
        git(root, "rm", "--quiet", "--force", "--cached", "-r", ".", env=index)
        git(root, "read-tree", f"--prefix={folder}", tree, env=index)
        return git(root, "write-tree", env=index)


@contextmanager
def _index(root: Path, state: str = "") -> Iterator[dict[str, str]]:
    """The variable that gives git an index of its own: as of a commit, `EMPTY`, or a copy."""
    with _temporary() as folder:
        index = {"GIT_INDEX_FILE": str(folder / "index")}
        if state:
            git(root, "read-tree", state, env=index)
        elif (present := _of_git(root, "index")).exists():
            shutil.copy(present, folder / "index")
        yield index


@contextmanager
def _temporary() -> Iterator[Path]:
    """A temporary folder; removes those that killed runs left."""
    for left in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*"):
        with suppress(OSError):  # another run removes it
            if left.stat().st_mtime < time.time() - LEFT_AFTER:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=TEMPORARY) as folder:
        yield Path(folder).resolve()


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
    _of_git(root, "index.lock").unlink(missing_ok=True)
    git(root, "reset", "--quiet", step.head, "--", ".")  # what is taken back in part is incomplete
    for kind, path in file_states(root, step.head, step.commit):
        if kind == "A" and (root / path).is_file():
            (root / path).unlink()
    git(root, "restore", "--quiet", ".")
    journal.unlink()
    return UNDONE


def _is_interrupted(root: Path) -> bool:
    """Whether a step waits to be taken back; one from before another commit never is any more."""
    journal = _journal(root)
    if not journal.exists():
        return False
    if _project(root, _begun(root).head) != _project(root, "HEAD"):
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
    return bool(git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", ok=1))


def _edits(root: Path, step: Step) -> list[str]:
    """The files that are neither as they were nor as the step makes them, here or in git's index."""
    kinds = {path: kind for kind, path in file_states(root, step.head, step.commit)}
    before, after = _unlike(root, step.head), _unlike(root, step.commit)
    edits = {it for it in before | after if _is_edit(kinds.get(it, ""), it in before, it in after)}
    if not _is_complete(root, step):
        written = {it for it, kind in kinds.items() if kind in ("A", "M")}
        edits -= {it for it in edits & written if _is_part(root, step, it)}
    edits |= _staged(root, step.head) & _staged(root, step.commit)
    return sorted(edits - {LOCK_FILE})


def _is_edit(kind: str, is_unlike_before: bool, is_unlike_after: bool) -> bool:
    """Whether a file is unlike itself in both commits, or in the one that has it."""
    return (is_unlike_before or kind == "A") and (is_unlike_after or kind == "D")


def _unlike(root: Path, commit: str) -> set[str]:
    """The files of a commit that are here with other content."""
    with _index(root, commit) as index:
        return _names(git(root, "diff", *PRESENT, "--", ".", env=index))


def _staged(root: Path, commit: str) -> set[str]:
    """The files that git's index has with other content than a commit."""
    return _names(git(root, "diff", "--cached", *PRESENT, commit, "--", "."))


def _is_complete(root: Path, step: Step) -> bool:
    """Whether all files were written; git's index is what a step writes last."""
    return not git(root, "diff", "--cached", "--name-only", step.commit, "--", ".")


def _is_part(root: Path, step: Step, path: str) -> bool:
    """Whether a file was not yet written to its end, on the way there or back."""
    written = (root / path).read_bytes()
    whole = [content(root, path, step.commit)]
    if git(root, "ls-tree", step.head, path):
        whole.append(content(root, path, step.head))
    return any(it.startswith(written) for it in whole)


def _ready(root: Path) -> None:
    """Refuse to begin where something could be lost or could not be taken back."""
    if shutil.which("git") is None:
        raise RefusedError("git is not there. Fix: install git")
    inside = ["git", "rev-parse", "--show-toplevel"]
    if subprocess.run(inside, cwd=root, env=environment(), capture_output=True).returncode:
        raise RefusedError(
            "this folder is not a git repository. Fix: `git init`, and commit what is there"
        )
    if _is_interrupted(root):
        raise RefusedError(f"a change was interrupted. Fix: `{run('plan undo')}` takes it back")
    if (lock := _of_git(root, "index.lock")).exists():
        fix = "wait for it; if none runs, one was killed: remove that file"
        raise RefusedError(f"{lock} says that another git command runs here. Fix: {fix}")
    if not _project(root, "HEAD"):
        raise RefusedError("nothing is committed. Fix: `git add --all && git commit`")
    if marked := git(root, "grep", "-lE", MARKER, ok=1).splitlines():
        raise RefusedError(f"{_some(marked)} has marks of a conflict. Fix: resolve it, and commit")
    with _index(root) as index:  # `git diff` locks it to refresh it, and a kill leaves the lock
        states = [
            git(root, "diff", *it, *EDITED, "HEAD", "--", ".", env=index)
            for it in ([], ["--cached"])
        ]
    if dirty := sorted(_names("\0".join(states)) - {LOCK_FILE}):
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


def _make_anew(clone: Path, pristine: Path, new: Path, arguments: Sequence[str]) -> None:
    """Make what the answers make now, and what they made so far, without edits, each in a folder."""
    if not (clone / MODEL).is_file():
        raise RefusedError(f"{MODEL} is missing. Fix: {brought_back(MODEL)}")
    recorded = clone / ANSWERS
    new.mkdir()
    shutil.copy(recorded, new)
    before = ("--vcs-ref", _recorded(clone, "_commit"), "--data-file", str(recorded))
    errors = _copier(
        clone,
        ("recopy", *QUIETLY, "--overwrite", *arguments, str(new)),  # first: it may be refused
        ("copy", *QUIETLY, *before, _source(clone), str(pristine)),
    )
    if (pristine / MODEL).is_file() and not filecmp.cmp(pristine / MODEL, clone / MODEL, False):
        fix = f"put {ANSWERS} back as it was (`git log -p -- {ANSWERS}`), and answer here"
        raise RefusedError(f"{ANSWERS} says something else than {MODEL}. Fix: {fix}")
    if errors:
        raise CopierError(errors)


def _merge(clone: Path, pristine: Path, new: Path) -> None:
    """Let git merge what people wrote with what the answers make now; both began with what was made before."""
    states = ("HEAD", _tree(clone, pristine), _tree(clone, new))
    owned = {*_owned(pristine), *_owned(new)}
    then, now = to_merge(*(_files(clone, it) for it in states), owned=owned)
    start = _committed(clone, _written(clone, then))
    edited = _committed(clone, "HEAD^{tree}", "-p", start)
    git(clone, "branch", "--force", NEW, _committed(clone, _written(clone, now), "-p", start))
    git(clone, "checkout", "--quiet", "--detach", edited, settings=SAME_BYTES)
    git(clone, *MERGE, NEW, ok=1, settings=SAME_BYTES, env=PERSON)


def to_merge(
    here: Files, before: Files, new: Files, *, owned: Collection[str]
) -> tuple[Files, Files]:
    """What was made before, and what is made now, as a merge has to see them.

    It leaves an owned file that is here alone, and makes one again that was deleted. It removes another that is made no
    more, even if it was edited, and does not bring one back that somebody deleted.
    """
    before, new = dict(before), dict(new)
    for path in {*before, *new}:
        if path in here and path in owned:
            before[path] = new[path] = here[path]
        elif path in here and path not in new:
            before[path] = here[path]
        elif path not in here and path in before:
            del before[path]
            if path not in owned:
                new.pop(path, None)
    return before, new


def _owned(folder: Path) -> list[str]:
    """The files of a state that are people's own."""
    model = folder / MODEL
    return list(json.loads(model.read_bytes())["owned"]) if model.is_file() else []


def _tree(clone: Path, folder: Path) -> str:
    """The tree of what is in a folder."""
    with _index(clone, EMPTY) as index:
        place = index | {"GIT_DIR": str(clone / ".git"), "GIT_WORK_TREE": str(folder)}
        git(folder, "add", "--all", "--force", ".", settings=SAME_BYTES, env=place)
        return git(folder, "write-tree", env=place)


def _files(clone: Path, tree: str) -> Files:
    """The files of a tree."""
    listed = git(clone, "ls-tree", "-r", "-z", "--full-tree", tree).split("\0")
    entries = (entry.partition("\t") for entry in listed if entry)
    return {path: mode.replace(" blob ", " ") for mode, _, path in entries}


def _written(clone: Path, files: Files) -> str:
    """The tree that has these files."""
    entries = "".join(f"{it}\t{path}\0" for path, it in files.items())
    with _index(clone, EMPTY) as index:
        git(clone, "update-index", "-z", "--index-info", env=index, given=entries)
        return git(clone, "write-tree", env=index)


def _by_new_state(clone: Path, module: str, *arguments: str) -> str:
    """What a module of the new state prints: only it knows what changed since older ones."""
    command = (sys.executable, "-B", "-m", f"scripts.planning.{module}", *arguments)
    variables = environment() | {"PYTHONPATH": str(clone)}
    done = subprocess.run(command, cwd=clone, env=variables, capture_output=True)
    if done.returncode:
        errors = _shortened(done.stderr.decode("utf-8", "replace"))
        reason = errors[-1] if errors else "it gave no reason"
        raise RefusedError(f"the new state fails ({module}: {reason}). Fix: `{NEWEST}`")
    return done.stdout.decode("utf-8")


def check_answers(name: str, content: bytes, fix: str = "") -> list[str]:
    """The names in YAML with answers; refuses what Copier cannot take for such, of which it would say too little."""
    done = _with_copier("answered", content, HERE)
    answered = json.loads(done.stdout) if done.returncode == 0 else []
    if isinstance(answered, dict):
        line, problem, remedy = answered["fault"]
        raise RefusedError(f"{name}{f':{line}' if line else ''}{problem}. Fix: {fix or remedy}")
    return list(answered)


def _copier(folder: Path, *commands: Sequence[str]) -> str:
    """Run commands of Copier up to one that fails; its last lines say what is wrong."""
    given = json.dumps(commands).encode()
    done = _with_copier("run", given, folder, _for_copier(folder.parents[1]))
    if done.returncode == 0:
        return ""
    errors = _shortened(done.stderr.decode("utf-8", "replace"))
    return "\n".join(errors) or "Copier failed without a message. Fix: try again"


def _with_copier(
    what: str, given: bytes, folder: Path, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Do something among the packages of Copier and of the extension that the template needs."""
    command = ("python", "-I", str(HERE / "with_copier.py"), what)
    variables = variables or environment()
    return run_tool(COPIER, EXTENSION, *command, folder=folder, variables=variables, given=given)


def _for_copier(folder: Path) -> dict[str, str]:
    """The environment in which Copier makes the same of each machine, and leaves nothing elsewhere."""
    return environment(SAME_BYTES) | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))


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


def _archive(clone: Path, pristine: Path) -> None:
    """Put documents that went, and files that went with somebody's edits in them, into the archive."""
    git(clone, "add", "--all", settings=SAME_BYTES)
    gone = [path for kind, path in file_states(clone, "--cached", "HEAD") if kind == "D"]
    for path in gone:
        if _is_worth(clone, pristine, path):
            target = clone / archived(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content(clone, path))


def _is_worth(clone: Path, pristine: Path, path: str) -> bool:
    """Whether a file is a document, or is not as it was made."""
    unedited = pristine / path
    document = path.startswith("Planning/") and path.endswith(".md")
    return document or not unedited.is_file() or unedited.read_bytes() != content(clone, path)


def _names(listed: str) -> set[str]:
    """The paths that git lists with `-z`."""
    return {it for it in listed.split("\0") if it}


def _head(folder: Path) -> str:
    """The last commit; nothing where there is none."""
    return git(folder, "rev-parse", "--verify", "--quiet", "HEAD", ok=1)


def _project(root: Path, commit: str) -> str:
    """The tree of the project in a commit; nothing where it has none."""
    return git(root, "rev-parse", "--verify", "--quiet", f"{commit}:./", ok=1)


def _journal(root: Path) -> Path:
    """Where an interrupted step is remembered: with git's own state, never in the project."""
    folder = git(root, "rev-parse", "--show-prefix")
    name = f"plan-change/{folder}step.json" if folder else "plan-change.json"
    return _of_git(root, name)


def _of_git(root: Path, name: str) -> Path:
    """A file of git's own."""
    return root / git(root, "rev-parse", "--git-path", name)


def _some(names: Sequence[str]) -> str:
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return f"{names[0]}{more}"
