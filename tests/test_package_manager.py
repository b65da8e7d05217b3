"""A package manager is one entry of its decision and one folder: a made-up one takes the place of the real one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from copies import Generate, clone_template, commit
from groundplan import catalogue
from projects import EXAMPLES, NEWEST, REPOSITORY, answers, environment, interpreter
from test_updates import SHOP, contents
from test_why import made, reached

NAMED = re.compile(r"\buvx?\b|\buv_build\b")
COMMANDS = re.compile(r"\buv (run|sync|add|lock|tool|pip)\b|\buvx\b|\bpipx install\b")
OF_THIS_REPOSITORY = re.compile(r"(SAMPLE=all )?uv run (docs/build|tests/reversal|pytest tests/test_pairs)\.?(py)?")
"""How somebody who works on the template runs what is only in its repository."""

REAL = "decisions/package_manager"
SMALL: dict[str, object] = {
    "project_name": "Quiz night",
    "concept": "A pub runs its quiz without paper.",
    "services": ["scores: keeps who leads"],
    "data_entities": ["scores.Team(name: str, points: int = 0)"],
}

PIP = """
  venv:
    label: pip in a virtual environment
    because: Python brings both.
    cost: Versions of Python are looked after by hand.
    rejected: versions of Python would be looked after by hand
    confirmed_by: "{run:pytest} works in a fresh clone."
    footprint:
      manager:
        run: .venv/bin/{command}
        run_with: .venv/bin/pip install {package} && .venv/bin/{command}
        tool: pipx run {package} {command}
        install: python -m venv --upgrade-deps .venv
        sync: .venv/bin/pip install --quiet --editable . --group dev
        sync_production: .venv/bin/pip install --editable .
        add: .venv/bin/pip install
        lock: .venv/bin/pip lock --editable .
        lock_check: .venv/bin/pip check
        lock_file: pylock.toml
        pyproject: |
          [build-system]
          requires = ["hatchling==1.33.0"]
          build-backend = "hatchling.build"

          [tool.hatch.build.targets.wheel]
          packages = ["scripts", "services"]
"""
"""Another option of the decision: what Python brings itself."""

TOOLS = '''"""Commands of packages that are none of the project's, in an environment that Python makes for them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path


@cache
def environment(*packages: str) -> Path:
    """An environment with the packages."""
    folder = Path(tempfile.mkdtemp())
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", *packages], check=True)
    return folder


def run_tool(
    package: str,
    extra: str,
    name: str,
    *arguments: str,
    folder: Path,
    variables: Mapping[str, str],
    given: bytes | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of a package, with another package installed as well."""
    program = environment(package, extra) / "bin" / name
    return subprocess.run(
        [program, *arguments], cwd=folder, env=variables, input=given, capture_output=True
    )
'''


def offer(template: Path) -> None:
    """Add the other package manager to a copy of the repository."""
    folder = template / REAL
    with (folder / "decision.yml").open("a") as file:
        file.write(PIP)
    tools = folder / "venv" / "scripts" / "planning" / "tools.py"
    tools.parent.mkdir(parents=True)
    tools.write_text(TOOLS)
    commit(template, "v1.1.0")


def drop_uv(template: Path) -> None:
    """Take the real one out: it is an entry and a folder, too."""
    file = template / REAL / "decision.yml"
    text = file.read_text("utf-8")
    begin, end = text.index("  uv:\n"), text.index("  poetry:\n")
    file.write_text(text[:begin] + text[end:], "utf-8")
    shutil.rmtree(template / REAL / "uv")
    commit(template, "v1.2.0")


@pytest.fixture(scope="module")
def both(bare_git: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    template = clone_template(tmp_path_factory.mktemp("both") / "groundplan")
    offer(template)
    return template


@pytest.fixture(scope="module")
def other(bare_git: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    template = clone_template(tmp_path_factory.mktemp("other") / "groundplan")
    offer(template)
    drop_uv(template)
    return template


def names(text: str) -> list[str]:
    return [line for line in text.splitlines() if NAMED.search(line)]


@pytest.mark.parametrize("folder", ["decisions", "extensions", "questions", "template"])
def test_no_other_file_of_the_template_tells_a_command(folder: str) -> None:
    named = {}
    for path in (it for it in (REPOSITORY / folder).rglob("*") if it.is_file() and "__pycache__" not in it.parts):
        text = OF_THIS_REPOSITORY.sub("", path.read_text("utf-8"))
        pattern = COMMANDS if folder == "extensions" else NAMED  # which knows the names of packages
        if REPOSITORY / REAL not in path.parents and pattern.search(text):
            named[path.relative_to(REPOSITORY).as_posix()] = pattern.findall(text)
    assert named == {}


def test_no_message_of_copier_tells_a_command() -> None:
    assert names((REPOSITORY / "copier.yml").read_text("utf-8")) == []


def test_commands_are_only_left_open_where_somebody_fills_them_in() -> None:
    """Texts from before anything is decided, or about an option that was not taken, name no command."""
    known = catalogue.load(REPOSITORY / "decisions")
    for option in (it for decision in known.decisions for it in decision.options):
        texts = [
            option.label,
            option.because,
            option.cost,
            option.rejected,
            option.standard,
            *dict(option.wording).values(),
        ]
        transport = option.footprint.event_transport
        at_broker = transport.monitoring if transport else ()
        texts += [it.what for it in (*option.monitoring, *at_broker)]
        assert [it for it in texts if catalogue.SPELLED.search(it)] == [], option.name


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda it: it.stem)
def test_projects_of_another_one_name_it_nowhere(generate: Generate, other: Path, example: Path) -> None:
    project = generate(answers(example), other)
    named = {path: names(text.decode("utf-8")) for path, text in contents(project).items()}
    assert {path: lines for path, lines in named.items() if lines} == {}
    assert [path for path, text in contents(project).items() if b"{run:" in text] == []
    assert ".venv/bin/plan check" in (project / "README.md").read_text("utf-8")
    assert ".venv/bin/serve" in (project / "docs" / "operations.md").read_text("utf-8")


def test_owned_files_are_the_same_with_another_one(generate: Generate, other: Path) -> None:
    """No update would correct what they say."""
    ours, theirs = generate(SHOP), generate(SHOP, other)
    owned = yaml.safe_load((ours / "Planning" / "model.json").read_text("utf-8"))["owned"]
    assert owned
    assert [it for it in owned if (ours / it).read_bytes() != (theirs / it).read_bytes()] == []


def test_what_changes_with_it_is_what_the_decision_reaches(generate: Generate, both: Path) -> None:
    ours, theirs = (generate(SHOP | {"package_manager": it}, both) for it in ("uv", "venv"))
    first, second = contents(ours), contents(theirs)
    changed = {path for path in {*first, *second} if first.get(path) != second.get(path)}
    reported = reached(made(ours)["generated"], {"package_manager"}) | reached(
        made(theirs)["generated"], {"package_manager"}
    )
    assert {"pyproject.toml", "README.md", "scripts/commands.py", "scripts/ci.py"} <= changed
    assert changed - reported - {"Planning/model.json", ".copier-answers.yml"} == set()


@pytest.fixture(scope="module")
def project(generate: Generate, other: Path) -> Path:
    return generate(SMALL, other)


def without_uv(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command where nothing is installed but Python and git."""
    python = Path(interpreter(NEWEST)).resolve().parent
    temporary = project.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    env = environment(PATH=f"{python}:/usr/bin:/bin", UV="", TMPDIR=str(temporary))
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)


class TestAnotherOne:
    """A project with the other package manager is installed, checked and changed by its own commands."""

    def test_ci_installs_it_and_all_checks_pass(self, project: Path) -> None:
        done = without_uv(project, interpreter(NEWEST), "scripts/ci.py")
        assert done.returncode == 0, done.stdout + done.stderr
        steps = [line for line in done.stdout.splitlines() if line.startswith("+ ")]
        assert steps[0] == "+ python -m venv --upgrade-deps .venv"
        assert steps[-2:] == ["+ .venv/bin/pytest", "+ .venv/bin/plan check --code"]

    def test_minds_can_be_changed(self, project: Path) -> None:
        done = without_uv(project, ".venv/bin/plan", "decide", "storage_kind=postgres", "--dry-run")
        assert done.returncode == 0, done.stderr
        assert "Migrations to run with" not in done.stdout
        assert "  .venv/bin/pip install aiosqlite==" in done.stdout

    def test_what_fails_ends_ci(self, project: Path) -> None:
        file = project / "services" / "scores" / "team.py"
        before = file.read_text("utf-8")
        file.write_text(before + "x=1\n", "utf-8")
        done = without_uv(project, interpreter(NEWEST), "scripts/ci.py")
        file.write_text(before, "utf-8")
        assert done.returncode != 0
        assert "services/scores/team.py" in done.stdout
        assert "+ .venv/bin/ruff check" not in done.stdout.splitlines()
