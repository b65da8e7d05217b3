"""Make the project of `answers.yml` out of a repository that "Use this template" made of this one.

    python .github/button.py SOURCE

SOURCE is the repository that the button copied, as `git clone` takes it. Updates of the project will come from there,
so it is generated from there, too: from the commit with the very tree that the first commit here has, as a copy by the
button has neither history nor tags. This is Python, and one file, so that it is typed, linted and tested as all else
here, without GitHub.

Nothing is changed before all is there: then the template's files go, the project's come, and one commit holds both.
Exit codes: 0 done, 2 refused with a line that says why.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

ANSWERS = "answers.yml"
RECORDED = ".copier-answers.yml"
WORKFLOWS = ".github/workflows"


class Refused(Exception):
    """Nothing was changed; the message says why, and what helps."""


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    """Generate, replace and commit; print what was done or why not."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    here = root or Path.cwd()
    try:
        if len(given) != 1:
            raise Refused("the template is not named. Fix: python .github/button.py ADDRESS")
        _ready(here)
        with tempfile.TemporaryDirectory(prefix="button-") as folder:
            upstream, project = Path(folder) / "upstream", Path(folder) / "project"
            _git(here, "clone", "--quiet", "--bare", given[0], str(upstream))
            commit = _origin(here, upstream)
            _generate(here, given[0], commit, project)
            _compare_workflows(here, project)
            gone = _git(upstream, "ls-tree", "-r", "-z", "--name-only", commit).split("\0")
            _replace(here, [it for it in gone if it], project)
    except Refused as refused:
        print(f"button: {refused}.", file=sys.stderr)
        return 2
    print(f"The project is committed; it was made from {given[0]} at {commit[:12]}.")
    return 0


def _ready(root: Path) -> None:
    if (root / RECORDED).exists():
        raise Refused(
            f"{RECORDED} is there, so this is a project already. Fix: `uv run plan decide` changes its answers"
        )
    if not (root / "copier.yml").exists():
        raise Refused("copier.yml is not here, so this is not a copy of the template. Fix: run this at its top level")
    if not (root / ANSWERS).is_file():
        raise Refused(f"{ANSWERS} is missing. Fix: put it back, and answer in it")
    if dirty := _git(root, "status", "--porcelain").splitlines():
        raise Refused(f"{dirty[0][3:]} is not committed. Fix: commit it")


def _origin(root: Path, upstream: Path) -> str:
    """The commit of the template that was copied: the one with the tree of the first commit here."""
    first = _git(root, "rev-list", "--max-parents=0", "HEAD").splitlines()[-1]
    tree = _git(root, "rev-parse", f"{first}^{{tree}}")
    for line in _git(upstream, "log", "--all", "--format=%T %H").splitlines():
        if line.startswith(tree):
            return line.split()[1]
    raise Refused(
        "the template has no commit with the files of the first one here. Fix: make the repository anew by the button"
    )


def _generate(root: Path, source: str, commit: str, project: Path) -> None:
    """Run Copier as the template pins it; it refuses wrong answers in its own lines."""
    pinned = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    copier, *others = sorted(pinned, key=lambda it: not it.startswith("copier=="))
    tool = [os.environ.get("UV", "uv"), "tool", "run", "--quiet", "--from", copier, *(f"--with={it}" for it in others)]
    flags = ["--trust", "--defaults", "--quiet", "--vcs-ref", commit, "--data-file", str(root / ANSWERS)]
    try:
        done = subprocess.run([*tool, "copier", "copy", *flags, source, str(project)], capture_output=True, text=True)
    except FileNotFoundError:
        raise Refused("uv is not there. Fix: install uv") from None
    if done.returncode:
        errors = re.sub(r"\x1b\[[\d;]*m", "", done.stderr).strip().removesuffix(".").splitlines()
        if any(line.startswith("Traceback") for line in errors):  # a file that is not a YAML mapping
            raise Refused(f"{ANSWERS} cannot be read ({errors[-1]}). Fix: write `question: answer`, one a line")
        raise Refused("\n".join(errors) or "Copier failed without a message")


def _compare_workflows(root: Path, project: Path) -> None:
    """A workflow's own token may delete a workflow, and neither add nor change one."""
    for path in sorted((project / WORKFLOWS).iterdir()):
        here = root / WORKFLOWS / path.name
        if not here.is_file() or here.read_bytes() != path.read_bytes():
            fix = f"`git checkout` {WORKFLOWS} as it was made"
            raise Refused(f"{WORKFLOWS}/{path.name} is not as the template has it. Fix: {fix}")


def _replace(root: Path, gone: Sequence[str], project: Path) -> None:
    """Let the template's files go and the project's come, in one commit; what else is here stays."""
    try:
        _git(root, "rm", "--quiet", "-r", "--ignore-unmatch", "--", *gone)
        shutil.copytree(project, root, dirs_exist_ok=True)
        _git(root, "add", "--all")
        _git(root, "commit", "--quiet", "--message", "Make the project of answers.yml")
    except (OSError, Refused):
        _git(root, "reset", "--quiet", "--hard", "HEAD")
        raise


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        errors = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise Refused(f"git {arguments[0]} failed: {errors[-1].removesuffix('.')}. Fix: what git names, then try again")
    return done.stdout.rstrip("\n")


if __name__ == "__main__":
    sys.exit(main())
