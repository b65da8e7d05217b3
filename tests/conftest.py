"""Fixtures that generate projects from this work tree and answer their questions anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
import yaml
from copier import VcsRef, run_copy, run_update
from hypothesis import settings
from plumbum import local

from copies import GIT, Generate, Reanswer, clone_template, commit
from reuse import reuse

collect_ignore = ["products"]
"""Their tests belong to the projects that `test_products.py` makes of them."""

settings.register_profile("untimed", deadline=None)  # machines are shared; speed is measured in benchmarks
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def bare_git() -> Iterator[None]:
    """Let no test depend on the git configuration of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch, local.env(**GIT):  # Copier's git takes its environment from plumbum
        for name, value in GIT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session", autouse=True)
def reused(bare_git: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let Copier do once what comes out the same for every copy."""
    with pytest.MonkeyPatch.context() as patch:
        reuse(patch, tmp_path_factory.mktemp("clones"))
        yield


@pytest.fixture(scope="session", autouse=True)
def types(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let mypy keep what it knows of libraries from one project to the next: it reads a file again if it differs.

    Each worker has its own cache, as mypy takes files of the same size and second to be the same.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MYPY_CACHE_DIR", str(tmp_path_factory.mktemp("types")))
        yield


@pytest.fixture(scope="module", autouse=True)
def spent_environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the environments of projects no longer than their tests run: a file system in memory has no room for all.

    Each is some 5,500 files, and a link counts there like a file; what `uv run` misses it makes again.
    """
    yield
    for it in tmp_path_factory.getbasetemp().glob("*/*/.venv*"):
        shutil.rmtree(it, ignore_errors=True)


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
