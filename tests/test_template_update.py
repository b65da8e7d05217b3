"""A newer version of the template comes to a project as a pull request; without GitHub, and with git's own remotes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from copies import GIT, Generate, clone_template, commit, git
from projects import UV, environment
from test_changes import commands, shell
from test_updates import SHOP

README = Path("template/README.md.jinja")


@dataclass(frozen=True)
class Hosted:
    """A project as its host has it, a machine that its workflow runs on, and where its template comes from."""

    origin: Path
    folder: Path
    template: Path

    @property
    def calls(self) -> str:
        """What GitHub's command line was asked to do."""
        log = self.folder / "calls"
        return log.read_text("utf-8") if log.exists() else ""

    def run(self) -> subprocess.CompletedProcess[str]:
        """What the workflow runs, in a new clone."""
        clone = self.folder / "clone"
        shutil.rmtree(clone, ignore_errors=True)
        git(self.folder, "clone", "--quiet", str(self.origin), str(clone))
        command = [sys.executable, "scripts/template_update.py"]
        env = environment() | GIT
        env["PATH"] = f"{self.folder / 'bin'}:{env['PATH']}"
        return subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True)

    def release(self, heading: str) -> str:
        """Publish a version with another line in each project's README; the branch that offers it."""
        readme = self.template / README
        readme.write_text(readme.read_text("utf-8") + f"\n## {heading}\n", "utf-8")
        commit(self.template, "v2.0.0")
        return "template-v2.0.0"

    def branches(self) -> list[str]:
        return git(self.origin, "branch", "--format=%(refname:short)").splitlines()


@pytest.fixture
def hosted(generate: Generate, tmp_path: Path) -> Hosted:
    """The package manager is here, so that nothing fetches it, and `gh` only writes down what it is told."""
    template = clone_template(tmp_path / "template")
    project = generate(SHOP, template)
    git(tmp_path, "clone", "--quiet", "--bare", str(project), str(tmp_path / "origin.git"))
    programs = {"pipx": "", "uv": f'exec {shutil.which(UV)} "$@"', "gh": f'echo "$@" >> {tmp_path}/calls'}
    (tmp_path / "bin").mkdir()
    for name, line in programs.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    return Hosted(tmp_path / "origin.git", tmp_path, template)


def test_a_newer_version_is_offered_once(hosted: Hosted) -> None:
    nothing = hosted.run()
    assert (nothing.returncode, nothing.stdout) == (0, "Nothing changes.\n"), nothing.stderr
    branch = hosted.release("What is new")
    done = hosted.run()
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert hosted.branches() == ["main", branch]
    assert git(hosted.origin, "show", f"{branch}:README.md").endswith("## What is new")
    assert git(hosted.origin, "diff", "--name-only", "main", branch).splitlines().count("README.md") == 1
    opened, started = hosted.calls.partition(f"pr create --head {branch} ")[2].split("workflow run ")
    assert "Changed: " in opened
    assert "--draft" not in opened
    assert started == f"ci.yml --ref {branch}\n"
    git(hosted.origin, "update-ref", f"refs/heads/{branch}", "main")  # somebody works on it
    again = hosted.run()
    assert (again.returncode, again.stdout) == (0, f"Branch {branch} is there: this version was offered before.\n")
    assert git(hosted.origin, "rev-parse", branch) == git(hosted.origin, "rev-parse", "main")
    assert hosted.calls.count("pr create") == 1


def test_conflicts_are_shown_as_such(hosted: Hosted) -> None:
    clone = hosted.folder / "ours"
    git(hosted.folder, "clone", "--quiet", str(hosted.origin), str(clone))
    with (clone / "README.md").open("a", encoding="utf-8") as readme:
        readme.write("\n## Ours\n")
    git(clone, "commit", "--quiet", "--all", "--message", "ours")
    git(clone, "push", "--quiet", "origin", "main")
    branch = hosted.release("Theirs")
    assert hosted.run().returncode == 0
    assert "## Ours" in git(hosted.origin, "show", f"{branch}:README.md")
    assert "Files are in conflict" in hosted.calls
    assert "--draft" in hosted.calls


def test_it_comes_alike_by_hand_by_the_workflow_and_by_renovate(hosted: Hosted) -> None:
    branch = hosted.release("What is new")
    assert hosted.run().returncode == 0
    offered = git(hosted.origin, "rev-parse", f"{branch}^{{tree}}")
    by_hand, by_renovate = hosted.folder / "by_hand", hosted.folder / "by_renovate"
    for clone in (by_hand, by_renovate):
        git(hosted.folder, "clone", "--quiet", str(hosted.origin), str(clone))
    done = shell(by_hand, commands("Staying current"))
    assert done.returncode == 0, done.stderr
    assert git(by_hand, "branch", "--show-current") == "template-update"
    options = (
        "--skip-answered",
        "--defaults",
        "--trust",
        "--answers-file",
        ".copier-answers.yml",
        "--vcs-ref",
        "v2.0.0",
    )
    command = [sys.executable, "-m", "copier", "update", *options]
    subprocess.run(command, cwd=by_renovate, env=environment() | GIT, capture_output=True, check=True)
    commit(by_renovate)
    assert {git(it, "rev-parse", "HEAD^{tree}") for it in (by_hand, by_renovate)} == {offered}


def test_what_cannot_be_is_an_error_and_offers_nothing(hosted: Hosted) -> None:
    hook = hosted.origin / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    hosted.release("What is new")
    refused = hosted.run()
    assert refused.returncode == 1
    assert "TEMPLATE_UPDATE_TOKEN" in refused.stderr
    hosted.template.rename(hosted.folder / "gone")
    gone = hosted.run()
    assert gone.returncode == 2
    assert "the template is no longer at" in gone.stderr
    assert (hosted.branches(), "pr create" in hosted.calls) == (["main"], False)
