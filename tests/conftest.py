"""Fixtures that generate projects from this work tree and answer their questions anew."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
import yaml
from copier import VcsRef, run_copy, run_update
from plumbum import local

REPOSITORY = Path(__file__).parent.parent

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


@pytest.fixture(scope="session", autouse=True)
def bare_git() -> Iterator[None]:
    """Let no test depend on the git configuration of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch, local.env(**GIT):  # Copier's git takes its environment from plumbum
        for name, value in GIT.items():
            patch.setenv(name, value)
        yield


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it prints."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, tag: str = "") -> None:
    """Commit all that is in a folder, whether or not it was a repository before."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "as it is")
    if tag:
        git(folder, "tag", tag)


def clone_template(folder: Path) -> Path:
    """Copy the template as it is in the work tree, committed or not, into a repository of its own."""
    folder.mkdir(parents=True)
    for name in TEMPLATE:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        else:
            shutil.copy(source, folder / name)
    commit(folder, "v1.0.0")
    return folder


@pytest.fixture(scope="session")
def template(bare_git: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed and tagged clone of the work tree; tests that change it make one of their own."""
    return clone_template(tmp_path_factory.mktemp("template") / "groundplan")


@pytest.fixture(scope="session")
def generate(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Generate:
    """Give a committed project made from answers; each call gives one of its own."""

    @cache
    def original(answers: str, source: Path) -> Path:
        project = tmp_path_factory.mktemp("original") / "project"
        run_copy(str(source), project, data=yaml.safe_load(answers), unsafe=True, defaults=True, quiet=True)
        commit(project)
        return project

    def make(answers: Mapping[str, object], source: Path = template) -> Path:
        project = tmp_path_factory.mktemp("generated") / "project"
        return shutil.copytree(original(yaml.safe_dump(dict(answers), sort_keys=False), source), project)

    return make


@pytest.fixture(scope="session")
def reanswer() -> Reanswer:
    """Change answers of a project as the README tells it, after committing what was edited in it."""

    def update(project: Path, ref: str | VcsRef = VcsRef.CURRENT, **changes: object) -> Path:
        commit(project)
        run_update(
            project,
            data=changes,
            vcs_ref=ref,
            context_lines=20,
            defaults=True,
            overwrite=True,
            unsafe=True,
            quiet=True,
        )
        return project

    return update
