"""A project of every version becomes one of the newest: people's files stay, all others are those of a fresh copy."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from copier import run_copy

from copies import TEMPLATE, Generate, Reanswer, clone_template, commit, git
from groundplan import questionnaire
from groundplan.answers import Answers
from projects import REPOSITORY
from test_decide import plan
from test_updates import OURS, SHOP, edit, managed, recorded

WORK_TREE = "v1000.0.0"
"""The version that the work tree is given: newer than any that was released."""

DROPPED = "maintenance"
"""A question that the version before has not, where there is no history to take one from …"""

ASKED_IN, SHOWN_IN = Path("questions/2-10-future.yml"), Path("template/Planning/FutureFeatures.md.jinja")
"""… and the files that have it."""


def _git(*arguments: str) -> list[str]:
    """What git says of this repository, line by line; nothing where this is not a clone of it."""
    if not (REPOSITORY / ".git").exists():
        return []
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else []


def _differs(state: str) -> bool:
    return subprocess.run(["git", "diff", "--quiet", state, "--", *TEMPLATE], cwd=REPOSITORY).returncode == 1


CHANGED = [it for it in _git("log", "--format=%h", "--", *TEMPLATE) if _differs(it)]
"""The commits that changed the template, newest first, without those that left it as it is now."""

STATES = ["a question less", *_git("tag", "--list", "v*")]
"""Older states of the template: one that is always to be had, and each release; commits between promise nothing."""


def lay(state: str, folder: Path) -> None:
    """Put the template as it was into a folder, in place of what is there."""
    for name in TEMPLATE:
        shutil.rmtree(folder / name, ignore_errors=True)
    packed = subprocess.run(["git", "archive", state, "--", *TEMPLATE], cwd=REPOSITORY, capture_output=True, check=True)
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")


def drop_a_question(folder: Path) -> None:
    """Take a question out of the questionnaire and out of the document that shows its answer."""
    asked, shown = (folder / it for it in (ASKED_IN, SHOWN_IN))
    asked.write_text(re.sub(rf"^{DROPPED}:\n(?:(?: .*)?\n)*", "", asked.read_text("utf-8"), flags=re.MULTILINE))
    shown.write_text("".join(it for it in shown.read_text("utf-8").splitlines(keepends=True) if DROPPED not in it))


def older(state: str, folder: Path) -> tuple[Path, Path]:
    """A template as it was, and a project that was made from it then."""
    template, project = clone_template(folder / "groundplan"), folder / "project"
    git(template, "tag", "--delete", "v1.0.0")
    if state == STATES[0]:
        drop_a_question(template)
    else:
        lay(state, template)
    commit(template, "v0.0.1")
    run_copy(str(template), project, data=SHOP, unsafe=True, defaults=True, quiet=True)
    commit(project)
    return template, project


@pytest.mark.parametrize("state", STATES)
def test_a_project_of_it_becomes_one_of_the_newest(
    generate: Generate, reanswer: Reanswer, tmp_path: Path, state: str
) -> None:
    template, project = older(state, tmp_path)
    known = {it.name for it in questionnaire.load(template)}
    edit(project)
    commit(project)
    before = {path: (project / path).read_bytes() for path in (*OURS, "services/stock/prices.py")}

    shutil.copytree(
        clone_template(tmp_path / "new"), template, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git")
    )
    commit(template, WORK_TREE)
    if (project / "scripts" / "planning" / "change.py").is_file():
        done = plan(project, "update")
        assert done.returncode == 0, done.stderr + done.stdout
    else:
        reanswer(project, ref=WORK_TREE)
    commit(project)
    assert recorded(project)["_commit"] == WORK_TREE

    copied, now = managed(generate(recorded(project), template)), managed(project)
    assert {path: now.get(path) for path in copied} == copied
    assert not [path for path in {*now} - {*copied} if path not in before and not path.startswith("Planning/Archive/")]
    assert {path: (project / path).read_bytes() for path in before} == before

    asked = {it["question"] for it in json.loads((project / "Planning" / "model.json").read_text("utf-8"))["gaps"]}
    answers = Answers(recorded(project))
    new = [it.name for it in questionnaire.QUESTIONS if it.about and it.name not in known]
    assert DROPPED in new or state != STATES[0]
    for name in new:
        assert answers[name].state == "tbd" or answers[name].value == questionnaire.BY_NAME[name].default
        assert (name in asked) == (answers[name].state == "tbd")
    assert "0 differences" in plan(project, "check").stdout
