"""Copies of this template as git repositories, which is what a project can be updated from."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from projects import REPOSITORY

TEMPLATE = ("copier.yml", "decisions", "extensions", "questions", "template")
"""What of this repository makes projects."""

GIT = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.invalid",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
"""Git as it behaves for somebody who has configured nothing."""

Generate = Callable[..., Path]
Reanswer = Callable[..., Path]


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it prints; fail with that if it fails."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"git {' '.join(arguments)}\n{done.stderr}"
    return done.stdout.strip()


def commit(folder: Path, tag: str = "") -> None:
    """Commit all that is in a folder, whether or not it was a repository before."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "as it is")
    if tag:
        git(folder, "tag", tag)


def clone_template(folder: Path) -> Path:
    """Copy the template as it is in the work tree, committed or not, into its own repository."""
    folder.mkdir(parents=True)
    for name in TEMPLATE:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        else:
            shutil.copy(source, folder / name)
    commit(folder, "v1.0.0")
    return folder
