"""`plan decide` and `plan undo` work alike on each machine: its git, its disks, its folders."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from copies import Generate, commit, git
from projects import environment
from test_decide import CHANGED, KILLS, PLAN, clean, completed, files_of, plan
from test_updates import SHOP, contents, recorded

DECIDED = ("storage_kind=postgres", "--why", "two machines write", "--on", "2026-11-24")


@pytest.fixture(scope="module")
def decided(generate: Generate) -> dict[str, bytes]:
    """What the decision makes of a project where nothing is set."""
    return contents(decide(generate(SHOP)))


def decide(project: Path, **variables: str) -> Path:
    """Change the answer; fail unless that is done."""
    done = plan(project, "decide", *DECIDED, **variables)
    assert done.returncode == 0, done.stderr
    return project


def failing_hooks(folder: Path) -> Path:
    folder.mkdir(parents=True)
    names = ("pre-commit", "post-checkout", "post-commit", "post-index-change", "reference-transaction", "post-rewrite")
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    return folder


def settings(folder: Path) -> dict[str, str]:
    """Everything that people set for all of their repositories, and that has to do with changes."""
    ignored, attributes = folder / "ignored", folder / "attributes"
    hooks, config = failing_hooks(folder / "template" / "hooks"), folder / "config"
    ignored.write_text("*.md\n.env*\nmigrations/\n")
    attributes.write_text("*.py eol=crlf\n* whitespace=trailing-space\n")
    for name, value in {
        "core.autocrlf": "true",
        "core.eol": "crlf",
        "core.hooksPath": str(hooks),
        "core.excludesFile": str(ignored),
        "core.attributesFile": str(attributes),
        "init.templateDir": str(hooks.parent),
        "commit.gpgSign": "true",
        "gpg.program": "/nowhere/gpg",
        "color.ui": "always",
        "core.quotePath": "true",
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.external": "/nowhere/diff",
        "merge.conflictStyle": "diff3",
        "merge.ff": "only",
        "merge.renames": "copies",
        "merge.verifySignatures": "true",
        "pull.twohead": "ours",
        "apply.whitespace": "fix",
        "status.showUntrackedFiles": "no",
        "submodule.recurse": "true",
        "protocol.version": "0",
        "protocol.file.allow": "never",
        "user.useConfigOnly": "true",
    }.items():
        git(folder, "config", "--file", str(config), name, value)
    return {"GIT_CONFIG_GLOBAL": str(config)}


def other_repository(folder: Path) -> dict[str, str]:
    """What a hook of another repository, or a script for one, leaves in the environment."""
    (folder / "mine").write_text("mine")
    commit(folder)
    return {
        "GIT_DIR": str(folder / ".git"),
        "GIT_WORK_TREE": str(folder),
        "GIT_INDEX_FILE": str(folder / ".git" / "index"),
        "GIT_OBJECT_DIRECTORY": str(folder / ".git" / "objects"),
        "GIT_COMMON_DIR": str(folder / ".git"),
        "GIT_PREFIX": "nowhere/",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_EXTERNAL_DIFF": "/nowhere/diff",
        "GIT_TEMPLATE_DIR": str(failing_hooks(folder / "template" / "hooks").parent),
        "GIT_CONFIG_PARAMETERS": "'core.autocrlf=true'",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.autocrlf",
        "GIT_CONFIG_VALUE_0": "true",
    }


@contextmanager
def other_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own; the test is skipped where nobody may mount one."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a file system needs the rights of an administrator: run this test as root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


class TestGit:
    @pytest.mark.parametrize("set_up", [settings, other_repository])
    def test_changes_a_project_alike_whatever_is_set(
        self,
        generate: Generate,
        decided: dict[str, bytes],
        tmp_path: Path,
        set_up: Callable[[Path], dict[str, str]],
    ) -> None:
        project, variables = generate(SHOP), set_up(tmp_path)
        before, elsewhere = contents(project), files_of(tmp_path)
        assert contents(decide(project, **variables)) == decided
        assert files_of(tmp_path) == elsewhere
        git(project, "reset", "--hard", "--quiet")
        completed(project, CHANGED)
        assert plan(project, "undo", **variables).stdout == "The last commit is back.\n"
        assert contents(project) == before
        assert clean(project)

    def test_keeps_an_edit_beside_a_change_where_lines_end_as_in_windows(
        self, generate: Generate, tmp_path: Path
    ) -> None:
        project, variables = generate(SHOP), settings(tmp_path)
        readme = project / "README.md"
        edited = readme.read_bytes() + b"\nOurs.\n"
        readme.write_bytes(edited.replace(b"\n", b"\r\n"))
        git(project, "commit", "--quiet", "--all", "--message", "edited")
        decide(project, **variables)
        assert git(project, "show", ":README.md").endswith("\nOurs.")
        assert "\r" not in git(project, "show", ":README.md")

    def test_names_a_lock_that_a_killed_command_left(self, generate: Generate) -> None:
        project = generate(SHOP)
        lock = project / ".git" / "index.lock"
        lock.touch()
        done = plan(project, "decide", *DECIDED)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert f"{lock} says that another git command runs here. Fix: wait for it; if none" in done.stderr
        assert lock.exists()

    def test_is_not_locked_before_something_changes(self, generate: Generate) -> None:
        """Git refreshes its index for a file that was written as it was, and a kill would leave the lock."""
        project = generate(SHOP)
        os.utime(project / "README.md", (1, 1))
        index = project / ".git" / "index"
        before = index.read_bytes()
        done = plan(project, "decide", *DECIDED, "--dry-run")
        assert (done.returncode, done.stderr) == (0, "")
        assert index.read_bytes() == before

    def test_changes_a_clone_without_history(
        self, generate: Generate, decided: dict[str, bytes], tmp_path: Path
    ) -> None:
        project = generate(SHOP)
        commit(project)
        shallow = tmp_path / "shallow"
        git(tmp_path, "clone", "--quiet", "--depth", "1", project.as_uri(), str(shallow))
        assert contents(decide(shallow)) == decided


class TestFiles:
    def test_that_a_change_does_not_reach_are_left_alone(self, generate: Generate, decided: dict[str, bytes]) -> None:
        """What `uv run` locks by itself, and answers in a file of the project, refuse no change."""
        project = generate(SHOP)
        (project / "uv.lock").write_text("version = 1\n")
        commit(project)
        (project / "uv.lock").write_text("version = 2\n")
        (project / "changed.yml").write_text("storage_kind: postgres\n")
        done = plan(project, "decide", "--data-file", "changed.yml", *DECIDED[1:])
        assert done.returncode == 0, done.stderr
        assert (project / "uv.lock").read_text() == "version = 2\n"
        found = contents(project)
        assert {name: found[name] for name in decided} == decided

    def test_that_a_change_brings_and_somebody_wrote_refuse_it(self, generate: Generate) -> None:
        project = generate(SHOP)
        name = "services/post/parcel.py"
        (project / name).write_text("mine")
        entities = [*SHOP["data_entities"], "post.Parcel(label: str)"]
        done = plan(project, "decide", f"data_entities={entities}", "--dry-run")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"plan: {name} is there and not in git. Fix: commit it, or move it out of the project.\n"
        commit(project)
        assert plan(project, "decide", f"data_entities={entities}").returncode == 0
        assert (project / name).read_text() == "mine"

    def test_locked_again_since_do_not_keep_a_change_from_being_taken_back(self, generate: Generate) -> None:
        project = generate(SHOP)
        (project / "uv.lock").write_text("version = 1\n")
        commit(project)
        before = contents(project)
        completed(project, CHANGED)
        (project / "uv.lock").write_text("version = 2\n")
        assert plan(project, "undo").stdout == "The last commit is back.\n"
        assert contents(project) == before


class TestFolderOfARepository:
    @pytest.fixture
    def project(self, generate: Generate, tmp_path: Path) -> Path:
        """A project beside others, of which one is committed, one changed and one staged."""
        project = tmp_path / "apps" / "shop"
        shutil.copytree(generate(SHOP), project, ignore=shutil.ignore_patterns(".git"))
        (tmp_path / "committed").write_text("as it was")
        commit(tmp_path)
        (tmp_path / "committed").write_text("mine")
        (tmp_path / "staged").write_text("mine")
        git(tmp_path, "add", "staged")
        return project

    def test_is_changed_alone(self, project: Path, decided: dict[str, bytes]) -> None:
        before, others = files_of(project), git(project, "status", "--porcelain")
        done = plan(project, "decide", *DECIDED)
        assert done.returncode == 0, done.stderr
        assert contents(project) == decided
        assert "`git restore --staged --worktree .` undoes it" in done.stdout
        git(project, "restore", "--staged", "--worktree", ".")
        assert files_of(project) == before
        assert git(project, "status", "--porcelain") == others

    def test_keeps_edits_and_is_checked_and_updated(self, project: Path) -> None:
        readme = project / "README.md"
        readme.write_text(readme.read_text("utf-8") + "\nOurs.\n", "utf-8")
        assert "plan: README.md is not committed. Fix: " in plan(project, "update").stderr
        git(project, "commit", "--quiet", "--message", "edited", "--", ".")
        decide(project)
        assert readme.read_text("utf-8").endswith("\nOurs.\n")
        git(project, "commit", "--quiet", "--message", "decided", "--", ".")
        assert plan(project, "update").stdout.endswith("Nothing changes.\n")
        assert "0 differences" in plan(project, "check").stdout

    @pytest.mark.parametrize("is_complete", [True, False])
    def test_is_taken_back_alone(self, project: Path, tmp_path: Path, is_complete: bool) -> None:
        """Killed when all files are there; or before, so that git's index is as it was and a file has no end."""
        before, others = files_of(project), git(project, "status", "--porcelain")
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "git").write_text(KILLS.format(git=shutil.which("git")))
        (tmp_path / "bin" / "git").chmod(0o755)
        path = f"{tmp_path / 'bin'}{os.pathsep}{environment()['PATH']}"
        assert plan(project, "decide", *DECIDED, PATH=path).returncode != 0
        shutil.rmtree(tmp_path / "bin")
        if not is_complete:
            git(project, "reset", "--quiet", "--", ".")
            os.truncate(project / ".env.example", 100)
        git(project, "commit", "--quiet", "--message", "elsewhere", "--", "../../committed")
        assert "was interrupted" in plan(project, "decide", *DECIDED).stderr
        assert plan(project, "undo").stdout == "The last commit is back.\n"
        assert files_of(project) == before
        left = git(project, "status", "--porcelain").splitlines()
        assert left == [it for it in others.splitlines() if not it.endswith("committed")]


class TestTemplates:
    def test_given_by_a_relative_path_are_found_again(self, template: Path, tmp_path: Path) -> None:
        project = tmp_path / "project"
        answers = tmp_path / "answers.yml"
        answers.write_text(yaml.safe_dump(dict(SHOP)))
        relative = os.path.relpath(template, tmp_path)
        options = ["--trust", "--defaults", "--quiet", "--data-file", "answers.yml"]
        command = ["copier", "copy", *options, relative, "project"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        assert recorded(project)["_src_path"] == template.as_posix()


class TestDisks:
    def test_may_be_one_for_temporary_folders_and_another_for_the_project(
        self, generate: Generate, decided: dict[str, bytes], tmp_path: Path
    ) -> None:
        project = generate(SHOP)
        with other_disk(tmp_path / "disk", "100m") as disk:
            assert contents(decide(project, TMPDIR=str(disk))) == decided
            moved = disk / "project"
            shutil.copytree(generate(SHOP), moved)
            assert contents(decide(moved)) == decided
            assert [it.name for it in disk.iterdir()] == ["project"]

    @pytest.mark.parametrize("left", [100, 400])
    def test_that_are_nearly_full_keep_the_project(self, generate: Generate, tmp_path: Path, left: int) -> None:
        """With so many KB left, either git cannot take the change over, or not all of its files can be written."""
        with other_disk(tmp_path / "disk", "30m") as disk:
            project = shutil.copytree(generate(SHOP), disk / "project")
            plan(project, "next")  # where there is no room, Python writes half of its caches
            before, filled = contents(project), disk / "filled"
            filled.write_bytes(b"0" * (shutil.disk_usage(disk).free - left * 1024))
            done = plan(project, "decide", *DECIDED)
            assert (done.returncode, done.stdout.count("Done"), len(done.stderr.splitlines())) == (2, 0, 1)
            filled.unlink()
            assert plan(project, "undo").returncode == 0
            assert contents(project) == before
            assert clean(project)

    def test_that_get_full_while_a_change_is_taken_back_keep_it_for_the_next_time(self, generate: Generate) -> None:
        """No file may grow beyond what git's index needs, so that a file is written in part."""
        project = generate(SHOP)
        (project / "Planning" / "Notes.md").write_text("A long story.\n" * 50_000)
        commit(project)
        before = contents(project)
        completed(project, CHANGED | {"Planning/Notes.md": "short\n"})
        limited = f"ulimit -f 200; exec uv run --quiet --no-project {' '.join(PLAN)} undo"
        done = subprocess.run(["bash", "-c", limited], cwd=project, env=environment(), capture_output=True)
        assert done.returncode != 0
        assert contents(project) != before
        assert plan(project, "undo").stdout == "The last commit is back.\n"
        assert contents(project) == before
        assert clean(project)

    def test_keep_no_temporary_folder_of_a_run_that_was_killed(self, generate: Generate, tmp_path: Path) -> None:
        """Each run removes those that are too old for another that still works."""
        project, folder = generate(SHOP), tmp_path / "temporary"
        folder.mkdir()
        command = [os.environ.get("UV", "uv"), "run", "--quiet", "--no-project", *PLAN, "decide", *DECIDED]
        started = subprocess.Popen(command, cwd=project, env=environment(TMPDIR=str(folder)), start_new_session=True)
        while not list(folder.glob("plan-change-*/clone/*/Planning/model.json")):
            assert started.poll() is None
            time.sleep(0.05)
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        (left,) = folder.glob("plan-change-*")
        plan(project, "decide", "storage_kind=postgrs", TMPDIR=str(folder))
        assert list(folder.iterdir()) == [left]
        os.utime(left, (0, 0))
        plan(project, "decide", "storage_kind=postgrs", TMPDIR=str(folder))
        assert list(folder.iterdir()) == []


class TestNames:
    def test_of_files_are_ones_that_each_system_has_and_tells_apart(self, generate: Generate, template: Path) -> None:
        """Windows and macOS do not tell upper from lower case, and Windows refuses these letters and these ends."""
        for folder in (generate(SHOP), template):
            names = git(folder, "ls-files", "-z").split("\0")
            assert len({name.casefold() for name in names}) == len(names)
            assert [name for name in names if set(name) & set('<>:"|?*\\') or not name.isascii()] == []
            assert [part for name in names for part in name.split("/") if part != part.rstrip(". ")] == []

    def test_keep_their_bytes_where_git_writes_line_ends_of_windows(self, generate: Generate, tmp_path: Path) -> None:
        project = generate(SHOP)
        git(tmp_path, "clone", "--quiet", "--config", "core.autocrlf=true", str(project), str(tmp_path / "clone"))
        assert contents(tmp_path / "clone") == contents(project)
