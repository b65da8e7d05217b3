"""The repository keeps its own rules: clean code, and a README that cannot drift."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout


def tracked() -> list[Path]:
    names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return [REPOSITORY / name for name in names if name and (REPOSITORY / name).is_file()]


@pytest.mark.parametrize(
    "command",
    ["ruff check .", "ruff format --check .", "mypy", "lint-imports --config pyproject.toml"],
    ids=["lint", "format", "types", "layers"],
)
def test_clean(command: str) -> None:
    """The repository's own Python is linted, formatted, strictly typed and layered."""
    name, *arguments = command.split()
    result = subprocess.run(
        [Path(sys.executable).parent / name, *arguments],
        cwd=REPOSITORY,
        env={"PYTHONPATH": "extensions", "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_readme_starts_with_exactly_two_commands() -> None:
    section = README.partition("## Two commands")[2].partition("\n## ")[0]
    commands = re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert [command.count("\n") for command in commands] == [1, 1]
    assert "--data-file examples/bookshop.yml" in commands[0]
    assert commands[1].endswith("uv run pytest\n")


def test_ci_runs_the_readme_test_command() -> None:
    """`.ci/run` takes the command out of the README; it must find one, and only one."""
    (pattern,) = re.findall(r"sed -n '(.*)' README.md", (REPOSITORY / ".ci" / "run").read_text())
    found = subprocess.run(["sed", "-n", pattern, REPOSITORY / "README.md"], check=True, capture_output=True, text=True)
    assert found.stdout in BLOCKS


@pytest.mark.parametrize("document", ["AGENTS.md", "README.md", "CHANGELOG.md", "docs/architecture.md"])
def test_links_lead_somewhere(document: str) -> None:
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    folder = (REPOSITORY / document).parent
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]
    assert [link for link in links if not (folder / link).exists()] == []


def test_the_map_has_every_module_in_its_layer() -> None:
    table = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8").partition("## extensions/groundplan")[2]
    rows = re.findall(r"^\| (`.*?) \|", table.partition("\n## ")[0], re.MULTILINE)
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(it["layers"] for it in contracts if it.get("containers") == ["groundplan"])
    assert [{*re.findall(r"`(\w+)/?`", row)} for row in rows] == [{*layer.split(" | ")} for layer in layers]


def test_the_map_of_generated_code_names_what_is_there() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")
    table = text.partition("| To change, in generated code |")[2].partition("\n\n")[0]
    paths = re.findall(r"`([^`]*(?:/|\.py)[^`]*)`", table)
    roots = [REPOSITORY / it for it in ("extensions/groundplan", "template/services", "decisions")]
    assert paths
    assert [path for path in paths if not any(any(root.glob(path)) for root in roots)] == []


MORE_ALLOWED = {
    "button": {"make": {"contents": "write", "actions": "write"}},
    "release": {"release": {"contents": "write"}},
    "template-update": {"update": {"contents": "write", "pull-requests": "write", "actions": "write"}},
}
"""What jobs may do besides reading, by workflow: commit a project, make a release, open a pull request, start CI."""


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_pinned_and_allowed_little(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []
    content = yaml.safe_load(text)
    assert content["permissions"] == {}
    granted = {name: job["permissions"] for name, job in content["jobs"].items()}
    more = {name: it for name, it in granted.items() if it != {"contents": "read"}}
    assert more == MORE_ALLOWED.get(workflow.stem, {})


def test_what_stands_at_the_top_is_known() -> None:
    """A repository made by "Use this template" starts as this one looks: nothing lies about."""
    folders = {".ci", ".github", "decisions", "docs", "examples", "extensions", "questions", "template", "tests"}
    files = {".gitignore", "AGENTS.md", "CHANGELOG.md", "LICENSE", "README.md"}
    settings = {"answers.yml", "copier.yml", "pyproject.toml"}
    assert {path.relative_to(REPOSITORY).parts[0] for path in tracked()} == folders | files | settings


def test_no_lock_file_with_addresses_is_tracked() -> None:
    locks = {"uv.lock", "poetry.lock", "pdm.lock", "package-lock.json", "pylock.toml"}
    assert [path for path in tracked() if path.name in locks] == []


def test_no_path_of_this_machine_is_tracked() -> None:
    machine = (f"{REPOSITORY}/".encode(), f"{Path.home()}/.".encode())
    assert [path for path in tracked() if any(part in path.read_bytes() for part in machine)] == []
