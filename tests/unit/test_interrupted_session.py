"""The answers of an interrupted session are saved next to the destination, and no other file is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from groundplan import interrupted_session
from groundplan.questionnaire import QUESTIONS

ANSWERS = {"concept": "Sells books.", "project_name": "Bücher"}


def test_answers_are_saved_in_question_order(tmp_path: Path) -> None:
    path = interrupted_session.save_answers(ANSWERS, QUESTIONS, tmp_path / "shop")
    assert path == tmp_path / "shop.answers.yml"
    assert path.read_text("utf-8") == interrupted_session.HEADING + "project_name: Bücher\nconcept: Sells books.\n"
    assert f"--data-file {path}" in interrupted_session.resume_hint(path)


def test_an_earlier_file_with_a_subset_of_the_answers_is_replaced(tmp_path: Path) -> None:
    first = interrupted_session.save_answers({"project_name": "Bücher"}, QUESTIONS, tmp_path / "shop")
    assert interrupted_session.save_answers(ANSWERS, QUESTIONS, tmp_path / "shop") == first
    assert yaml.safe_load(first.read_text("utf-8")) == ANSWERS


@pytest.mark.parametrize(
    "content", [interrupted_session.HEADING + "project_name: Other\n", "concept: Sells books.\n", "a: [", "just text"]
)
def test_a_file_with_other_content_is_not_overwritten(tmp_path: Path, content: str) -> None:
    (tmp_path / "shop.answers.yml").write_text(content)
    assert interrupted_session.save_answers(ANSWERS, QUESTIONS, tmp_path / "shop") == tmp_path / "shop.answers-2.yml"
    assert (tmp_path / "shop.answers.yml").read_text() == content


def test_answers_go_to_the_temporary_folder_if_the_parent_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert (
        interrupted_session.save_answers(ANSWERS, QUESTIONS, tmp_path / "gone" / "shop")
        == tmp_path / "shop.answers.yml"
    )
