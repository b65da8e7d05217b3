"""A repository made by "Use this template" becomes a project; a tag becomes a release; both without GitHub."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml

from copies import Generate, commit, git
from groundplan import catalogue
from projects import REPOSITORY, UV, environment, free_ports
from test_decide import bare, files_of, plan

BUTTON, RELEASE = Path(".github/button.py"), Path(".github/release.py")
ANSWERS: dict[str, object] = {
    "project_name": "Quiz night",
    "concept": "A pub runs its quiz without paper.",
    "mvp_features": ["Keep score: everybody sees who leads"],
    "services": ["scores: keeps who leads"],
    "data_entities": ["scores.Team(name: str, points: int = 0)"],
}


def tracked() -> list[str]:
    listed = git(REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return [name for name in listed if name and (REPOSITORY / name).is_file()]


def python(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment(), capture_output=True, text=True)


@pytest.fixture(scope="module")
def upstream(bare_git: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as somebody else has it: with a history, and not a single tag."""
    folder = tmp_path_factory.mktemp("upstream") / "groundplan"
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    commit(folder)
    (folder / "CHANGELOG.md").write_text("newer\n")
    commit(folder)
    return folder


def pressed(upstream: Path, folder: Path) -> Path:
    """What the button makes of the template's first commit: its files, and one commit of one's own."""
    first = git(upstream, "rev-list", "--max-parents=0", "HEAD")
    git(upstream, "clone", "--quiet", "--local", str(upstream), str(folder))
    git(folder, "checkout", "--quiet", "--detach", first)
    shutil.rmtree(folder / ".git")
    commit(folder)
    return folder


def answer(copy: Path, given: object = ANSWERS) -> None:
    (copy / "answers.yml").write_text(given if isinstance(given, str) else yaml.safe_dump(given), encoding="utf-8")
    commit(copy)


@pytest.fixture
def copy(upstream: Path, tmp_path: Path) -> Path:
    return pressed(upstream, tmp_path / "quiz")


@pytest.fixture(scope="module")
def made(upstream: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that the button's script has made; somebody had added their own file before."""
    folder = pressed(upstream, tmp_path_factory.mktemp("button") / "quiz")
    (folder / "IDEAS.md").write_text("# Ideas\n")
    answer(folder)
    done = python(folder, BUTTON, str(upstream))
    assert done.returncode == 0, done.stderr
    return folder


class TestButton:
    def test_nothing_of_the_template_is_left(self, made: Path, upstream: Path) -> None:
        there = {it.name for it in made.iterdir()} - {".git"}
        assert there.isdisjoint({"copier.yml", "questions", "decisions", "extensions", "template", "examples"})
        assert there.isdisjoint({"answers.yml", "LICENSE", ".ci"})
        assert {it.name for it in (made / ".github").rglob("*") if it.is_file()} == {"ci.yml", "template-update.yml"}
        assert (made / "IDEAS.md").read_text() == "# Ideas\n"
        assert git(made, "status", "--porcelain") == ""
        assert git(made, "rev-list", "--count", "HEAD") == "3"

    def test_it_is_the_project_that_copier_makes(self, made: Path, upstream: Path) -> None:
        recorded = yaml.safe_load((made / ".copier-answers.yml").read_text("utf-8"))
        assert recorded["project_name"] == "Quiz night"
        assert recorded["_src_path"] == str(upstream)
        first = git(upstream, "rev-list", "--max-parents=0", "HEAD")
        assert git(upstream, "rev-parse", recorded["_commit"]) == first
        changed = git(made, "diff", "--name-only", "--diff-filter=d", "HEAD~1", "--", ".github/workflows")
        assert changed == ""  # a workflow's token could not push it

    def test_its_own_ci_is_green_and_it_checks_itself(self, made: Path, tmp_path: Path) -> None:
        """As its workflow runs it; the package manager is here, so that nothing fetches it."""
        programs = {"pipx": f'echo "$@" > {tmp_path}/calls', "uv": f'exec {shutil.which(UV)} "$@"'}
        for name, line in programs.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
            (tmp_path / name).chmod(0o755)
        env = environment()
        env["PATH"] = f"{tmp_path}:{env['PATH']}"
        (step,) = re.findall("run: python (scripts/.*)", (made / ".github/workflows/ci.yml").read_text("utf-8"))
        done = subprocess.run([sys.executable, step], cwd=made, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (tmp_path / "calls").read_text() == "install uv\n"
        assert re.search(r"=+ .*\d+ passed", done.stdout), done.stdout
        assert "0 differences" in done.stdout
        assert [line for line in done.stdout.splitlines() if line.startswith("+ ")] == [
            "+ pipx install uv",
            "+ uv sync",
            "+ uv run ruff format --check",
            "+ uv run ruff check",
            "+ uv run mypy",
            "+ uv run lint-imports",
            "+ uv run pytest",
            "+ uv run plan check --code",
        ]

    def test_minds_can_be_changed_and_a_first_tag_is_an_update(
        self, made: Path, upstream: Path, tmp_path: Path
    ) -> None:
        project, template = tmp_path / "quiz", tmp_path / "template"
        shutil.copytree(made, project, ignore=shutil.ignore_patterns(".venv"))
        git(upstream, "clone", "--quiet", str(upstream), str(template))
        answers_file = project / ".copier-answers.yml"
        answers_file.write_text(answers_file.read_text("utf-8").replace(str(upstream), str(template)), "utf-8")
        commit(project)
        decided = plan(project, "decide", "storage_kind=postgres", "--why", "two machines write")
        assert decided.returncode == 0, decided.stderr
        commit(project)
        operations = template / "template" / "docs" / "operations.md.jinja"
        operations.write_text(operations.read_text("utf-8").replace("## Watch", "## What to watch"), "utf-8")
        commit(template, "v0.1.0")
        updated = plan(project, "update")
        assert updated.returncode == 0, updated.stderr
        assert "## What to watch" in (project / "docs" / "operations.md").read_text("utf-8")
        assert yaml.safe_load(answers_file.read_text("utf-8"))["_commit"] == "v0.1.0"

    def test_it_cannot_be_pressed_twice(self, made: Path, upstream: Path) -> None:
        before = files_of(made)
        done = python(made, REPOSITORY / BUTTON, str(upstream))
        assert (done.returncode, done.stdout) == (2, "")
        assert ".copier-answers.yml is there, so this is a project already. Fix:" in done.stderr
        assert files_of(made) == before


def unanswered(copy: Path) -> None:
    """The answers are as the template has them."""


def uncommitted(copy: Path) -> None:
    (copy / "README.md").write_text("mine")


def without_answers(copy: Path) -> None:
    (copy / "answers.yml").unlink()
    commit(copy)


def with_another_workflow(copy: Path) -> None:
    answer(copy)
    with (copy / ".github" / "workflows" / "ci.yml").open("a") as file:
        file.write("# mine\n")
    commit(copy)


def of_something_else(copy: Path) -> None:
    answer(copy)
    shutil.rmtree(copy / ".git")
    commit(copy)


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "nothing answered": (unanswered, "project_name: 'None' is not text. Fix:"),
    "no mapping": (partial(answer, given="- a\n- b\n"), "answers.yml cannot be read"),
    "no YAML": (partial(answer, given="a: [\n"), "answers.yml cannot be read"),
    "a contradiction": (
        partial(answer, given=ANSWERS | {"failure_isolation": "shared", "architecture_style": "services"}),
        "failure_isolation: ",
    ),
    "not committed": (uncommitted, "README.md is not committed. Fix:"),
    "no answers": (without_answers, "answers.yml is missing. Fix:"),
    "one's own workflow": (with_another_workflow, ".github/workflows/ci.yml is not as the template has it. Fix:"),
    "another beginning": (of_something_else, "the template has no commit with the files of the first one here. Fix:"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_reported_in_a_line_and_changes_nothing(copy: Path, upstream: Path, case: str) -> None:
    spoil, message = REFUSED[case]
    spoil(copy)
    before, head = files_of(copy), git(copy, "rev-parse", "HEAD")
    done = python(copy, BUTTON, str(upstream))
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert all("Fix:" in line for line in done.stderr.splitlines())
    assert (files_of(copy), git(copy, "rev-parse", "HEAD")) == (before, head)


def test_workflows_of_projects_are_those_of_this_repository() -> None:
    """A workflow's token can neither add nor change one. What answers could change of them is seen by `check_whole`."""
    there = [it for it in (REPOSITORY / "template" / ".github").rglob("*") if it.is_file()]
    assert there
    for workflow in there:
        own = REPOSITORY / workflow.relative_to(REPOSITORY / "template")
        assert own.read_bytes() == workflow.read_bytes()
    options = [option for decision in catalogue.load(REPOSITORY / "decisions").decisions for option in decision.options]
    assert [it.target for option in options for it in option.modules if it.target.startswith(".github")] == []


def test_workflows_know_in_which_repository_they_are() -> None:
    """Those that stay run nothing here, those that go nothing in a copy that is not a project yet."""
    read = {it.stem: yaml.safe_load(it.read_text("utf-8")) for it in (REPOSITORY / ".github/workflows").glob("*.yml")}
    assert set(read) == {"button", "ci", "release", "template-update", "test"}
    assert "!github.event.repository.is_template" in read["button"]["jobs"]["make"]["if"]
    for workflow, job in (("ci", "check"), ("template-update", "update")):
        assert read[workflow]["jobs"][job]["if"] == "needs.project.outputs.is_made == 'true'"
    assert "github.event.created" in read["test"]["jobs"]["test"]["if"]
    assert read["test"][True]["push"]["paths-ignore"] == read["button"][True]["push"]["paths"] == ["answers.yml"]
    assert not (REPOSITORY / ".copier-answers.yml").exists()


def servers(project: Path, docker: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run the project's script with a `docker` that is a line of shell."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{docker}\n")
    program.chmod(0o755)
    env = environment()
    env["PATH"] = f"{program.parent}:{env['PATH']}"
    script = [sys.executable, "scripts/servers.py"]
    return subprocess.run(script, cwd=project, env=env, capture_output=True, text=True, timeout=60)


class TestServers:
    """What CI starts for a project that needs more than its own processes."""

    def test_a_project_lists_what_it_needs_and_one_that_needs_nothing_has_no_script(self, generate: Generate) -> None:
        embedded = generate(ANSWERS)
        assert not (embedded / "scripts" / "servers.py").exists()
        assert "[[server]]" not in (embedded / "config" / "processes.toml").read_text("utf-8")
        project = generate(ANSWERS | {"storage_kind": "postgres"})
        listed = (project / "config" / "processes.toml").read_text("utf-8")
        (server,) = tomllib.loads(listed)["server"]
        assert (server["host"], server["port"], server["image"]) == ("127.0.0.1", 5432, "postgres:17")

    def test_it_is_started_unless_it_is_there(self, generate: Generate, tmp_path: Path) -> None:
        project = generate(ANSWERS | {"storage_kind": "postgres"})
        config = project / "config" / "processes.toml"
        port = str(free_ports(1))
        config.write_text(config.read_text("utf-8").replace("\nport = 5432\n", f"\nport = {port}\n"), "utf-8")
        serve = f"{sys.executable} -m http.server --bind 127.0.0.1 {port}"
        script = f'echo "$@" >> {tmp_path}/calls; timeout 20 {serve} > /dev/null 2>&1 &'
        done = servers(project, script, tmp_path)
        assert (done.returncode, done.stdout) == (0, f"postgres answers on port {port}\n"), done.stderr
        given = f"--publish=127.0.0.1:{port}:5432 --env=POSTGRES_PASSWORD=postgres postgres:17"
        assert (tmp_path / "calls").read_text() == f"run --detach {given}\n"
        again = bare(project, "python", "scripts/servers.py")
        assert again.returncode == 0, again.stderr
        assert (tmp_path / "calls").read_text().count("run") == 1


SECTIONS = (
    "# Changelog\n\n## [Unreleased]\n\n- x\n\n## [0.2.0] - 2027-01-02\n\n- new\n\n## [0.1.0] - 2026-12-01\n\n- first\n"
)


@pytest.mark.parametrize(
    ("tag", "version", "changelog", "message"),
    [
        ("v0.2.0", "0.2.0", SECTIONS, "- new\n"),
        ("v0.1.0", "0.1.0", SECTIONS, "- first\n"),
        ("0.2.0", "0.2.0", SECTIONS, "0.2.0 is not a tag of a release. Fix: name it v0.2.0"),
        ("v0.2.0", "0.3.0", SECTIONS, "v0.2.0 is not the version of pyproject.toml, 0.3.0. Fix:"),
        ("v0.3.0", "0.3.0", SECTIONS, "CHANGELOG.md has no section of 0.3.0. Fix:"),
        ("v0.2.0", "0.2.0", SECTIONS.replace(" - 2027-01-02", ""), "CHANGELOG.md does not date 0.2.0. Fix:"),
        ("v0.2.0", "0.2.0", SECTIONS.replace("- new", ""), "CHANGELOG.md says nothing of 0.2.0. Fix:"),
    ],
)
def test_a_release_is_made_of_what_agrees(tmp_path: Path, tag: str, version: str, changelog: str, message: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x"\nversion = "{version}"\n')
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    done = python(tmp_path, REPOSITORY / RELEASE, tag)
    if "Fix:" in message:
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert message in done.stderr
    else:
        assert (done.returncode, done.stdout) == (0, message)


def test_the_changelog_has_the_form_that_a_release_reads() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings
    dated = r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}"
    assert [it for it in headings if not re.fullmatch(rf"\[Unreleased\]|{dated}", it)] == []
