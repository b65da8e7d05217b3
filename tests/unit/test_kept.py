"""Answers of an interrupted sitting are kept beside the project, and a data file says nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from groundplan import kept
from groundplan.questionnaire import QUESTIONS

ANSWERS = {"concept": "Sells books.", "project_name": "Bücher"}


def test_answers_are_written_in_the_order_of_the_questions(tmp_path: Path) -> None:
    path = kept.write(ANSWERS, QUESTIONS, tmp_path / "shop")
    assert path == tmp_path / "shop.answers.yml"
    assert path.read_text("utf-8") == kept.HEADING + "project_name: Bücher\nconcept: Sells books.\n"
    assert f"--data-file {path}" in kept.said(path)


def test_a_file_of_fewer_answers_is_continued(tmp_path: Path) -> None:
    first = kept.write({"project_name": "Bücher"}, QUESTIONS, tmp_path / "shop")
    assert kept.write(ANSWERS, QUESTIONS, tmp_path / "shop") == first
    assert yaml.safe_load(first.read_text("utf-8")) == ANSWERS


@pytest.mark.parametrize(
    "held", [kept.HEADING + "project_name: Other\n", "concept: Sells books.\n", "a: [", "just text"]
)
def test_a_file_of_other_answers_is_left_alone(tmp_path: Path, held: str) -> None:
    (tmp_path / "shop.answers.yml").write_text(held)
    assert kept.write(ANSWERS, QUESTIONS, tmp_path / "shop") == tmp_path / "shop.answers-2.yml"
    assert (tmp_path / "shop.answers.yml").read_text() == held


def test_a_folder_that_is_not_there_does_not_lose_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert kept.write(ANSWERS, QUESTIONS, tmp_path / "gone" / "shop") == tmp_path / "shop.answers.yml"


TWICE = """\
project_name: Shop
services:
  - name: orders
    port: 8001
    port: 8002
team: &team {size: 1}
project_name: Other
risks: [*team, *team]
"""


@pytest.mark.parametrize("arguments", [["--data-file", "{}"], ["copy", "--data-file={}", "--trust"]])
def test_what_a_data_file_says_twice_is_told(tmp_path: Path, arguments: list[str]) -> None:
    file = tmp_path / "answers.yml"
    file.write_text(TWICE)
    assert list(map(str, kept.twice([it.format(file) for it in arguments]))) == [
        "services[0].port: 'port' is there twice, in lines 4 and 5. Fix: keep one of the two.",
        "project_name: 'project_name' is there twice, in lines 1 and 7. Fix: keep one of the two.",
    ]


def test_what_cannot_be_read_is_left_to_copier(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("a: [")
    (tmp_path / "b.yml").write_text("a: &a [*a]")
    for name in ("a.yml", "b.yml", "none.yml"):
        assert kept.twice(["--data-file", str(tmp_path / name)]) == ()
