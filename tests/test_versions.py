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
import yaml
from copier import run_copy

from copies import TEMPLATE, Generate, Reanswer, clone_template, commit, git
from groundplan import questionnaire
from groundplan.answers import Answers
from projects import REPOSITORY
from test_decide import plan
from test_updates import OURS, SHOP, contents, edit, managed, recorded

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

A_QUESTION_LESS = "a question less"
LANDED = yaml.safe_load((REPOSITORY / "tests" / "states.yml").read_text("utf-8"))
"""States that were not released, and projects of which become projects of the newest all the same."""

STATES = [A_QUESTION_LESS, *LANDED, *_git("tag", "--list", "v*")]
"""Older states of the template: one that is always to be had, those that are pinned, and each release."""

BY_COPIER_ALONE = [commit for commit, it in LANDED.items() if it["update"] == "copier"]
"""Those of which `plan update` reads models of its own time only."""


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


def put(new: Path, template: Path, version: str) -> None:
    """Make a template what another folder has, as a newer version."""
    for name in TEMPLATE:
        path = template / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    shutil.copytree(new, template, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git"))
    commit(template, version)


def older(state: str, folder: Path) -> tuple[Path, Path]:
    """A template as it was, and a project that was made from it then."""
    template, project = clone_template(folder / "groundplan"), folder / "project"
    git(template, "tag", "--delete", "v1.0.0")
    if state == A_QUESTION_LESS:
        drop_a_question(template)
    elif _git("rev-parse", "--is-shallow-repository") != ["false"]:
        pytest.skip("without its history this repository lacks the commit (`git fetch --unshallow`)")
    else:
        assert _git("merge-base", state, "HEAD") == [state], (
            f"{state} is no commit of this history. Fix: pin one that is"
        )
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

    put(clone_template(tmp_path / "new"), template, WORK_TREE)
    if state in BY_COPIER_ALONE:
        reanswer(project, ref=WORK_TREE)
    else:
        done = plan(project, "update")
        assert done.returncode == 0, done.stderr + done.stdout
    commit(project)
    assert recorded(project)["_commit"] == WORK_TREE

    copied, now = managed(generate(recorded(project), template)), managed(project)
    assert {path: now.get(path) for path in copied} == copied
    assert not [path for path in {*now} - {*copied} if path not in before and not path.startswith("Planning/Archive/")]
    assert {path: (project / path).read_bytes() for path in before} == before

    asked = {it["question"] for it in json.loads((project / "Planning" / "model.json").read_text("utf-8"))["gaps"]}
    answers = Answers(recorded(project))
    new = [it.name for it in questionnaire.QUESTIONS if it.about and it.name not in known]
    assert DROPPED in new or state != A_QUESTION_LESS
    for name in new:
        assert answers[name].state == "tbd" or answers[name].value == questionnaire.BY_NAME[name].default
        assert (name in asked) == (answers[name].state == "tbd")
    assert "0 differences" in plan(project, "check").stdout


RULES = """

from services.common.clients.resource import (
    Clients,
)  # whom it calls
from services.common.errors import OutOfStock, RuleViolation

if OutOfStock is not RuleViolation:
    from services.common.clients.resource import Clients as Callers
from services.common.clients.resource import Clients; LARGEST = 1
"""
RULES_NOW = """

from services.common.clients.resource import HttpClients as Clients  # whom it calls
from services.common.errors import OutOfStock, RuleViolation

if OutOfStock is not RuleViolation:
    from services.common.clients.resource import HttpClients as Callers
from services.common.clients.resource import Clients; LARGEST = 1
"""
"""The same, once `Clients` is `HttpClients`; what shares its line with other code is left to people."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """A project whose rules import what an older template had, and what an update of it says."""
    tmp_path = tmp_path_factory.mktemp("versions")
    template, project = clone_template(tmp_path / "groundplan"), tmp_path / "project"
    git(template, "tag", "--delete", "v1.0.0")
    for path in (template / "template/services/common/clients").glob("*.jinja"):
        path.write_text(path.read_text("utf-8").replace("HttpClients", "Clients"))
    errors = template / "template/services/common/errors.py.jinja"
    errors.write_text(f'{errors.read_text("utf-8")}\n\nclass OutOfStock(RuleViolation):\n    """Sold."""\n')
    commit(template, "v0.0.1")
    run_copy(str(template), project, data=SHOP, unsafe=True, defaults=True, quiet=True)
    edit(project, {"services/sales/sale.py": RULES})
    commit(project)
    put(clone_template(tmp_path / "new"), template, WORK_TREE)
    before = (project / "services/sales/sale.py").read_text("utf-8")
    dry = plan(project, "update", "--dry-run", "--json")
    assert (project / "services/sales/sale.py").read_text("utf-8") == before
    effects: dict[str, list[str]] = json.loads(dry.stdout)["effects"]
    assert plan(project, "update").returncode == 0
    commit(project)
    return project, effects


def test_an_update_from_the_same_state_gives_the_same_bytes(tmp_path: Path) -> None:
    template, project = older(A_QUESTION_LESS, tmp_path)
    edit(project)
    commit(project)
    twin = shutil.copytree(project, tmp_path / "a longer folder" / "twin")
    put(clone_template(tmp_path / "new"), template, WORK_TREE)
    for it in (project, twin):
        assert plan(it, "update").returncode == 0
    assert contents(project) == contents(twin)


class TestOwnedImports:
    """What owned files import, under other names in a newer template."""

    def test_follow_new_names(self, told: tuple[Path, dict[str, list[str]]]) -> None:
        project, effects = told
        assert effects["yours_rewritten"] == ["services/sales/sale.py"]
        assert (project / "services/sales/sale.py").read_text("utf-8").endswith(RULES_NOW)

    def test_of_what_is_no_more_are_told_before_and_after(self, told: tuple[Path, dict[str, list[str]]]) -> None:
        project, effects = told
        assert effects["yours_to_change"] == [
            "services/sales/sale.py: imports services.common.clients.resource.Clients, which is no more",
            "services/sales/sale.py: imports services.common.errors.OutOfStock, which is no more",
        ]
        again = json.loads(plan(project, "decide", "deploy_target=kubernetes", "--dry-run", "--json").stdout)
        assert again["effects"]["yours_rewritten"] == []


def test_rules_of_before_they_were_classes_are_told_to_become_such(reanswer: Reanswer, tmp_path: Path) -> None:
    state = next(iter(BY_COPIER_ALONE))
    template, project = older(state, tmp_path)
    edit(project)
    commit(project)
    put(clone_template(tmp_path / "new"), template, WORK_TREE)
    reanswer(project, ref=WORK_TREE)
    found = json.loads(plan(project, "check", "--code", "--json").stdout)["findings"]
    told = [f"{it['file']} {it['message']}" for it in found if it["message"].startswith("has no ")]
    assert told == [
        "services/post/letter.py has no LetterRules, which services/post/services.py imports",
        "services/post/on_sale_made.py has no OnSaleMade, which services/post/consumers.py imports",
        "services/sales/sale.py has no SaleRules, which services/sales/services.py imports",
        "services/stock/thing.py has no ThingRules, which services/stock/services.py imports",
    ]
