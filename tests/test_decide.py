"""`plan decide` changes answers, documents and code together, loses nothing, and leaves nothing half done."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from copies import Generate, git
from projects import REPOSITORY, environment, model, run
from test_updates import ADDED, SHOP, contents, recorded

PLAN = ("python", "-m", "scripts.planning.cli")


def plan(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the project's checker, which needs nothing that is installed."""
    command = [os.environ.get("UV", "uv"), "run", "--quiet", "--no-project", *PLAN, *arguments]
    return subprocess.run(command, cwd=project, env=environment(**variables), capture_output=True, text=True)


def clean(project: Path) -> bool:
    return git(project, "status", "--porcelain") == ""


class TestDecide:
    def test_says_what_changes_does_it_and_is_undone_by_one_command(self, generate: Generate) -> None:
        project = generate(SHOP)
        before = contents(project)
        dry = plan(project, "decide", "storage_kind=postgres", "--dry-run")
        assert dry.returncode == 0, dry.stderr
        assert dry.stdout.endswith("Nothing was changed: this was a dry run.\n")
        assert clean(project)
        done = plan(project, "decide", "storage_kind=postgres", "--why", "two machines write", "--on", "2026-11-24")
        assert done.returncode == 0, done.stderr
        assert done.stdout.partition("Done")[0] == dry.stdout.partition("Nothing was")[0]
        assert recorded(project)["storage_kind"] == "postgres"
        assert any("two machines write" in it and "2026-11-24" in it for it in recorded(project)["history"]["trail"])
        git(project, "reset", "--hard", "--quiet")
        assert contents(project) == before
        assert clean(project)

    def test_tells_the_gaps_that_it_closes_and_opens(self, generate: Generate) -> None:
        project = generate(SHOP)
        answers = ("personas=[buyer: wants a thing]", "storage_kind=auto")
        done = plan(project, "decide", *answers, "--dry-run").stdout
        assert "Gaps closed:\n  A02-personas\n  D12-storage_kind\n" in done
        assert "Gaps opened:\n  D13-storage_kind\n" in done

    def test_auto_takes_what_the_answers_speak_for_now(self, generate: Generate) -> None:
        project = generate(SHOP | {"storage_kind": "auto"})
        assert plan(project, "decide", "deploy_target=kubernetes").returncode == 0
        assert model(project).decision("storage_kind").option.name == "sqlite"
        git(project, "commit", "--quiet", "--message", "moved")
        assert plan(project, "decide", "storage_kind=auto").returncode == 0
        assert model(project).decision("storage_kind").option.name == "postgres"

    def test_equals_a_copy_of_the_new_answers(self, generate: Generate, tmp_path: Path) -> None:
        project = generate(SHOP)
        file = tmp_path / "changed.yml"
        file.write_text(yaml.safe_dump(ADDED))
        done = plan(project, "decide", "--data-file", str(file), "--on", "2026-11-24")
        assert done.returncode == 0, done.stderr
        for name in ("services/returns/parcel.py", "services/stock/shelf.py", "services/stock/migrations/0002"):
            assert name in done.stdout
        git(project, "commit", "--quiet", "--message", "changed")
        copy = generate(recorded(project))
        assert contents(project) == contents(copy)

    def test_archives_what_would_have_been_deleted(self, generate: Generate, tmp_path: Path) -> None:
        project = generate(SHOP)
        api = project / "services" / "post" / "api.py"
        edited = api.read_text("utf-8") + "\n\n# Somebody relies on this.\n"
        api.write_text(edited)
        specification = (project / "Planning/ServiceSpecifications/post.md").read_text("utf-8")
        git(project, "commit", "--quiet", "--all", "--message", "edited")
        file = tmp_path / "changed.yml"
        file.write_text(yaml.safe_dump({"services": SHOP["services"][:2], "data_entities": SHOP["data_entities"][:2]}))
        done = plan(project, "decide", "--data-file", str(file))
        assert done.returncode == 0, done.stderr
        archive = project / "Planning" / "Archive"
        assert (archive / "services/post/api.py.txt").read_text("utf-8") == edited
        assert (archive / "ServiceSpecifications/post.md").read_text("utf-8") == specification
        assert not (archive / "services/post/main.py.txt").exists()  # nobody had edited it
        assert (project / "services" / "post" / "letter.py").is_file()
        assert "Yours, no longer used:\n  services/post/letter.py" in done.stdout
        assert "0 differences" in run(project, "plan", "check")

    def test_shows_a_conflict_and_keeps_both_sides(self, generate: Generate) -> None:
        project = generate(SHOP)
        readme = project / "README.md"
        title = readme.read_text("utf-8").splitlines()[0]
        readme.write_text(readme.read_text("utf-8").replace(title, f"{title} of ours"))
        git(project, "commit", "--quiet", "--all", "--message", "edited")
        done = plan(project, "decide", "project_name=Other shop", "project_slug=corner_shop")
        assert done.returncode == 1
        assert "Conflicts to resolve:\n  README.md" in done.stdout
        text = readme.read_text("utf-8")
        assert f"{title} of ours" in text
        assert "# Other shop" in text

    def test_that_changes_nothing_says_so(self, generate: Generate) -> None:
        project = generate(SHOP)
        done = plan(project, "decide", "storage_kind=sqlite")
        assert (done.returncode, clean(project)) == (0, True)
        assert done.stdout.endswith("Nothing changes.\n")


def dirty(project: Path) -> None:
    (project / "README.md").write_text("mine")


def marked(project: Path) -> None:
    (project / "README.md").write_text("<<<<<<< before\n=======\n>>>>>>> after\n")
    git(project, "commit", "--quiet", "--all", "--message", "marked")


def unversioned(project: Path) -> None:
    shutil.rmtree(project / ".git")


def unanswered(project: Path) -> None:
    (project / ".copier-answers.yml").unlink()
    git(project, "commit", "--quiet", "--all", "--message", "removed")


def edited(project: Path) -> None:
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text("utf-8").replace("project_name: Corner shop", "project_name: Edge shop"))
    git(project, "commit", "--quiet", "--all", "--message", "edited by hand")


def moved(project: Path) -> None:
    answers = project / ".copier-answers.yml"
    lines = answers.read_text("utf-8").splitlines()
    answers.write_text("\n".join("_src_path: /nowhere/at/all" if it.startswith("_src") else it for it in lines))
    git(project, "commit", "--quiet", "--all", "--message", "moved")


def nothing(project: Path) -> None:
    """The project is as it should be; it is the command that is wrong."""


REFUSED: dict[str, tuple[Callable[[Path], None], tuple[str, ...], str]] = {
    "a dirty tree": (dirty, ("storage_kind=postgres",), "README.md is not committed. Fix:"),
    "marks of a conflict": (marked, ("storage_kind=postgres",), "README.md has marks of a conflict. Fix:"),
    "no git": (unversioned, ("storage_kind=postgres",), "is no git repository. Fix:"),
    "no answers": (unanswered, ("storage_kind=postgres",), ".copier-answers.yml has no _src_path. Fix:"),
    "answers edited by hand": (
        edited,
        ("storage_kind=postgres",),
        "says something else than Planning/model.json. Fix:",
    ),
    "a template that is gone": (moved, ("storage_kind=postgres",), "no longer at /nowhere/at/all. Fix:"),
    "no answer": (nothing, ("storage_kind",), "storage_kind is no KEY=VALUE. Fix:"),
    "nothing": (nothing, (), "nothing is answered. Fix:"),
    "no file": (nothing, ("--data-file", "none.yml"), "none.yml is no file. Fix:"),
    "a wrong key": (nothing, ("storage_knd=postgres",), "Fix: did you mean 'storage_kind'?"),
    "a wrong option": (nothing, ("storage_kind=postgrs",), "Fix: did you mean 'postgres'?"),
    "a planned option": (nothing, ("storage_kind=files",), "is planned and not offered yet"),
    "a contradiction": (nothing, ("failure_isolation=shared",), "it needs Modular monolith (architecture_style)"),
    "no day": (nothing, ("storage_kind=postgres", "--on", "soon"), "'soon' is not a day"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(generate: Generate, case: str) -> None:
    spoil, arguments, said = REFUSED[case]
    project = generate(SHOP)
    spoil(project)
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file() and ".git/" not in str(path)}
    done = plan(project, "decide", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in before} == before


class TestInterruption:
    def test_nothing_is_half_done_whenever_it_is_killed(self, generate: Generate) -> None:
        """Killed at many moments: the project is as it was, as it should be, or taken back by one command."""
        project = generate(SHOP)
        before = contents(project)
        for moment in (0.3, 0.8, 1.5, 2.5, 3.5, 4.5, 6.0):
            command = [os.environ.get("UV", "uv"), "run", "--quiet", "--no-project", *PLAN]
            started = subprocess.Popen(
                [*command, "decide", "storage_kind=postgres"],
                cwd=project,
                env=environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(moment)
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
            plan(project, "undo")
            git(project, "reset", "--hard", "--quiet")
            assert contents(project) == before
            assert clean(project)

    def test_a_step_that_was_interrupted_is_told_and_taken_back(self, generate: Generate) -> None:
        project = generate(SHOP)
        before = contents(project)
        (project / "services" / "new.py").write_text("half\n")
        (project / "README.md").write_text("half\n")
        (project / ".git" / "plan-change.json").write_text('{"new": ["services/new.py"]}')
        (project / ".git" / "index.lock").touch()
        assert "`uv run plan undo` takes it back" in plan(project, "decide", "storage_kind=postgres").stderr
        assert plan(project, "undo").stdout == "The last commit is back.\n"
        assert contents(project) == before
        assert clean(project)
        assert plan(project, "undo").stdout == "No change of mind was interrupted.\n"

    @pytest.mark.parametrize("most", [1_000, 10_000, 40_000, 200_000])
    def test_a_disk_that_is_full_changes_nothing(self, generate: Generate, most: int) -> None:
        """No file may grow beyond a size, so that one step or another fails: all is done, or nothing."""
        project = generate(SHOP)
        before = contents(project)
        limit = f"ulimit -f {most // 1024 or 1}; exec "
        command = [
            os.environ.get("UV", "uv"),
            "run",
            "--quiet",
            "--no-project",
            *PLAN,
            "decide",
            "storage_kind=postgres",
        ]
        done = subprocess.run(
            ["bash", "-c", limit + " ".join(command)], cwd=project, env=environment(), capture_output=True, text=True
        )
        if done.returncode == 0:
            assert recorded(project)["storage_kind"] == "postgres"
        else:
            plan(project, "undo")
            assert contents(project) == before
            assert clean(project)


def test_it_is_made_with_the_copier_that_this_template_is_tried_with() -> None:
    source = (REPOSITORY / "template/scripts/planning/change.py").read_text("utf-8")
    pinned = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    for line in ("COPIER = ", "EXTENSION = "):
        version = source.partition(line)[2].partition('"')[2].partition('"')[0]
        assert version in pinned
