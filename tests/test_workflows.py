"""A project takes workflows and leaves them again: what they bring comes and goes, and no row and no rule is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from copies import Generate, Reanswer, commit, git
from projects import run
from test_updates import LED, SHOP


def tables(project: Path, service: str) -> set[str]:
    with closing(sqlite3.connect(project / "var" / f"{service}.db")) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def files(project: Path) -> set[str]:
    return set(git(project, "ls-files").splitlines())


def test_workflows_come_and_go(generate: Generate, reanswer: Reanswer) -> None:
    project = generate(SHOP)
    commit(project)
    (project / ".env").write_text((project / ".env.example").read_text("utf-8"), "utf-8")
    run(project, "migrate")
    before = files(project)

    reanswer(project, **LED)
    commit(project)
    run(project, "migrate")
    come = files(project) - before
    assert {"services/sales/workflows.py", "services/post/selling_letter.py"} <= come
    assert {"workflow"} == tables(project, "sales") & {"workflow", "workflow_step"}
    assert {"workflow_step"} == tables(project, "post") & {"workflow", "workflow_step"}
    run(project, "pytest", "-q", "-k", "workflow or leading")
    rules = project / "services" / "post" / "selling_letter.py"
    rules.write_text(rules.read_text("utf-8") + "\n\nSIGNATURE = 'The shop'\n", "utf-8")
    commit(project)

    reanswer(project, workflows=None)
    commit(project)
    run(project, "migrate")
    assert "SIGNATURE" in rules.read_text("utf-8")
    left = files(project) - before
    code = {it for it in left if it.startswith(("services/", "tests/", "scripts/")) and "/migrations/" not in it}
    assert code == {"services/post/selling_letter.py"}
    kept = tables(project, "sales") | tables(project, "post")
    assert {"workflow_retired_0003", "workflow_step_retired_0003"} <= kept
    run(project, "pytest", "-q", "tests/integration/test_services.py")

    reanswer(project, **LED)
    run(project, "migrate")
    assert "workflow" in tables(project, "sales")
