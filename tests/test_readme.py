"""The README's two commands do what it says, in a fresh clone, as they stand."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest

from copies import commit, git
from groundplan import catalogue
from groundplan.questionnaire import DEPTHS, QUESTIONS
from groundplan.reference_docs.answers_files import asked
from live import eventually, started
from projects import REPOSITORY, environment

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^```sh\n(.*?)\n```$", README.partition("## Two commands")[2], re.DOTALL | re.MULTILINE)[:2]

PAGE = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the work tree as it would be committed now."""
    folder = tmp_path_factory.mktemp("clone") / "groundplan"
    names = git(REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in names:
        if name and (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    commit(folder)
    return folder


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).is_success
    except httpx2.TransportError:
        return False


def test_first_command_gives_three_running_services(clone: Path, tmp_path: Path) -> None:
    if answers(PAGE):
        pytest.skip("port 8000 is taken; stop what uses it")
    with started(["bash", "-c", COMMANDS[0]], clone, tmp_path / "log", environment()) as bookshop:
        try:
            eventually(lambda: answers(PAGE), within=180)
        except AssertionError:
            pytest.fail(bookshop.output)
        docs = re.findall(r'href="([^"]+/docs)"', httpx2.get(PAGE).text)
        assert len(docs) == 3
        for url in docs:
            eventually(lambda url=url: answers(url))  # type: ignore[misc]
        bookshop.press_ctrl_c()
    assert git(clone, "status", "--porcelain") == ""


def test_second_command_runs_the_tests(clone: Path) -> None:
    """That it passes is what this run shows; here it has to find every test, with nothing but what it installs."""
    command = f"{COMMANDS[1]} --collect-only --quiet"
    result = subprocess.run(["bash", "-c", command], cwd=clone, env=environment(), capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "test_second_command_runs_the_tests" in result.stdout
    assert git(clone, "status", "--porcelain") == ""


def test_it_counts_the_questions_right() -> None:
    decisions = catalogue.load(REPOSITORY / "decisions")
    counts = [sum(asked(it, decisions, depth) for it in QUESTIONS) for depth in DEPTHS]
    assert "{}, {} or all {} questions".format(*counts) in README
