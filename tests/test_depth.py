"""Asking less or more changes how much is asked and nothing that was answered."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from copies import Generate, Reanswer, commit
from projects import EXAMPLES, answers
from terminal import DOWN, ENTER, UP, Terminal


def recorded(project: Path) -> dict[str, Any]:
    content = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    assert isinstance(content, dict)
    return content


def updating(project: Path, *options: str) -> Terminal:
    commit(project)
    command = [sys.executable, "-m", "copier", "update", "--trust", "--vcs-ref", ":current:", *options, str(project)]
    return Terminal(command, os.environ)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_less_and_more_leave_every_answer_by_data(generate: Generate, reanswer: Reanswer, example: Path) -> None:
    project = generate(answers(example))
    before, text = recorded(project), (project / ".copier-answers.yml").read_text("utf-8")
    for depth in ("express", "standard", "comprehensive") if example.stem == "bookshop" else ("express",):
        reanswer(project, depth=depth)
        assert recorded(project) == before | {"depth": depth}
    reanswer(project, depth=before["depth"])
    assert (project / ".copier-answers.yml").read_text("utf-8") == text


def test_less_and_more_leave_every_answer_by_data_file(generate: Generate, tmp_path: Path) -> None:
    project = generate(answers(EXAMPLES[0]))
    text = (project / ".copier-answers.yml").read_text("utf-8")
    for depth in ("express", "comprehensive"):
        file = tmp_path / f"{depth}.yml"
        file.write_text(f"depth: {depth}\n")
        with updating(project, "--defaults", "--data-file", str(file)) as terminal:
            assert terminal.ended() == 0, terminal.shown
        assert recorded(project)["depth"] == depth
    assert (project / ".copier-answers.yml").read_text("utf-8") == text


def test_less_and_more_leave_every_answer_by_prompt(generate: Generate) -> None:
    """From comprehensive to express and back, with whatever each prompt suggests."""
    unsorted = {"data_entities": [{"name": "Book", "owner": "catalog", "fields": {"title": "str", "author": "str"}}]}
    smaller = {"services": ["catalog: keeps books"], "mvp_features": ["Sell"], "access": ["Book: read Reader"]}
    project = generate(answers(EXAMPLES[0]) | unsorted | smaller)
    before, text = recorded(project), (project / ".copier-answers.yml").read_text("utf-8")
    assert before["depth"] == "comprehensive"
    for keys, depth, asked in (((UP, UP), "express", False), ((DOWN, DOWN), "comprehensive", True)):
        with updating(project) as terminal:
            terminal.wait("0 How much")
            terminal.type(*keys, ENTER)
            terminal.wait("0 Who answers?")
            assert terminal.accept_all() == 0, terminal.shown
            assert ("3.10 " in terminal.shown) == asked
        assert recorded(project) == before | {"depth": depth}
    assert (project / ".copier-answers.yml").read_text("utf-8") == text
