"""The commands of docs/changes.md do what it says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from copies import GIT, Generate, commit, git
from projects import REPOSITORY, environment
from test_decide import PLAN, clean, plan
from test_decide import begun as step
from test_updates import LONGER, SHOP, recorded

PAGE = (REPOSITORY / "docs" / "changes.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
BACK = re.findall(r"^(\S[^\n]*)\n\n```sh\n(.*?)```", SECTIONS["Coming back"], re.DOTALL | re.MULTILINE)
"""What went wrong, and the commands that help."""

SHIM = f'uv() {{ shift 2; "${{UV:-$(type -P uv)}}" run --quiet --no-project {" ".join(PLAN)} "$@"; }}\n'
"""`uv run plan`, without installing the project."""


def commands(section: str) -> str:
    (found,) = re.findall(r"^```sh\n(.*?)```", SECTIONS[section], re.DOTALL | re.MULTILINE)
    return str(found)


def shell(project: Path, lines: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-e", "-c", SHIM + lines]
    return subprocess.run(command, cwd=project, env=environment() | GIT, capture_output=True, text=True)


def test_one_change_is_looked_at_made_and_committed(generate: Generate) -> None:
    project = generate(SHOP)
    done = shell(project, commands("One change"))
    assert done.returncode == 0, done.stderr
    assert recorded(project)["storage_kind"] == "postgres"
    assert clean(project)


def test_a_decision_is_taken_again_on_top_of_what_was_decided_meanwhile(generate: Generate) -> None:
    project, rules = generate(SHOP), "services/sales/sale.py"
    git(project, "switch", "--quiet", "--create", "mine")
    assert plan(project, "decide", "storage_kind=postgres").returncode == 0
    commit(project)
    (project / rules).write_text((project / rules).read_text("utf-8") + "\n\nLARGEST_SALE = 1000\n")
    commit(project)
    git(project, "switch", "--quiet", "main")
    longer = project.parent / "longer.yml"
    longer.write_text(yaml.safe_dump(LONGER))
    assert plan(project, "decide", "--data-file", str(longer)).returncode == 0
    commit(project)
    git(project, "switch", "--quiet", "mine")
    done = shell(project, commands("Several people"))
    assert "CONFLICT" in done.stdout
    assert "0 differences" in done.stdout, done.stdout + done.stderr
    assert clean(project)
    answers = recorded(project)
    assert (answers["storage_kind"], answers["data_entities"]) == ("postgres", LONGER["data_entities"])
    assert "LARGEST_SALE" in (project / rules).read_text("utf-8")


def begun(project: Path) -> None:
    assert plan(project, "decide", "storage_kind=postgres").returncode == 0


def decided(project: Path) -> None:
    begun(project)
    commit(project)


def conflicting(project: Path) -> None:
    models(project).write_text("<<<<<<< before\n=======\n>>>>>>> after\n")
    git(project, "add", "--all")


def interrupted(project: Path) -> None:
    step(project, {".env.example": "half of it\n"})


def models(project: Path) -> Path:
    return project / "services/stock/models.py"


def edited(project: Path) -> None:
    models(project).write_text(models(project).read_text("utf-8").replace("class Thing(", "class Article("))
    commit(project)


def older(project: Path) -> None:
    """Rules as an older version had them."""
    (project / "services/stock/thing.py").write_text("async def creating(draft):\n    return draft\n")


def damaged(project: Path) -> None:
    (project / ".copier-answers.yml").write_text("{")
    git(project, "add", "--all")


def as_before(project: Path, before: str) -> bool:
    return git(project, "write-tree") == before and clean(project)


Ended = Callable[[Path, subprocess.CompletedProcess[str], str], bool]
FAULTS: dict[str, tuple[Callable[[Path], None], Ended]] = {
    "A change that is not committed": (begun, lambda project, _, before: as_before(project, before)),
    "In a project that is a folder": (
        begun,
        lambda project, _, before: git(project, "write-tree") == before,
    ),
    "A change that was interrupted": (interrupted, lambda project, _, before: as_before(project, before)),
    "A change that was committed": (decided, lambda project, *_: recorded(project)["storage_kind"] == "sqlite"),
    "Conflicts": (conflicting, lambda _, done, __: "services/stock/models.py:1:<<<<<<<" in done.stdout),
    "A managed file": (edited, lambda project, *_: "class Thing(" in models(project).read_text("utf-8")),
    "A damaged": (damaged, lambda project, _, before: as_before(project, before)),
    "An update whose": (older, lambda _, done, __: "has no ThingRules" in " ".join(done.stdout.split())),
}
"""How each comes about, by the beginning of what the page says of it, and what shows that the commands help."""


def test_each_way_back_has_its_fault() -> None:
    assert len(BACK) == len(FAULTS)
    assert all(said.startswith(it) for (said, _), it in zip(BACK, FAULTS, strict=True))


@pytest.mark.parametrize("fault", FAULTS)
def test_each_way_back_leads_back(generate: Generate, fault: str) -> None:
    come_about, is_over = FAULTS[fault]
    project = generate(SHOP)
    before = git(project, "write-tree")
    come_about(project)
    (lines,) = (lines for said, lines in BACK if said.startswith(fault))
    done = shell(project, lines.replace("--code\n", "--code || true\n"))
    assert done.returncode == 0, done.stderr
    assert is_over(project, done, before)
