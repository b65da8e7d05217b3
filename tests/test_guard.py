"""What Copier is given is checked before anything is asked or written; faults are reported with a fix, one a line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import run_copy
from copier.errors import UserMessageError

from copies import Generate, Reanswer, clone_template, commit, git

SHOP: dict[str, Any] = {
    "project_name": "Shop",
    "concept": "A shop.",
    "services": [{"name": "stock", "responsibility": "keeps things"}],
    "data_entities": ["stock.Thing(label: str)"],
}

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("an unknown question", {"projct_slug": "x"}, "projct_slug: is not a question of this template. Fix: did you mean"),
    (
        "a word that is not a choice",
        {"distribution": "publik"},
        "distribution: 'publik' is not one of personal, internal,",
    ),
    (
        "a list of what is not a choice",
        {"interaction_channels": ["phone"]},
        "interaction_channels: 'phone' is not one of",
    ),
    ("text in place of a list", {"interaction_channels": 3}, "interaction_channels: '3' is not a list"),
    ("text in place of a number", {"port_base": "many"}, "port_base: 'many' is not a whole number"),
    ("a port that is none", {"port_base": 70000}, "port_base: 70000 is not a whole number from"),
    ("yes in place of a number", {"port_base": True}, "port_base: 'True' is not a whole number"),
    ("a list in place of text", {"concept": ["a"]}, "concept: "),
    ("nothing in place of text", {"concept": None}, "concept: 'None' is not text"),
    (
        "a day in place of text",
        {"project_name": yaml.safe_load("2026-03-01")},
        "project_name: '2026-03-01' is not text",
    ),
    ("YAML that is none", {"services": "a: b: c"}, "services: is not valid YAML"),
    ("an option that is none", {"storage_kind": "sqlte"}, "storage_kind: 'sqlte' is not one of"),
    ("a state that is none of a decision", {"storage_kind": "assume: sqlite"}, "storage_kind: 'assume: sqlite' is not"),
    ("a word that only looks right", {"storage_kind": " TBD"}, "storage_kind: 'TBD' is not one of"),
    ("an option that is planned", {"storage_kind": "documents"}, "is planned and not offered yet"),
    (
        "an option that cannot be",
        {"storage_kind": "sqlite", "deploy_target": "serverless"},
        "storage_kind: SQLite is not possible: deploy_target is serverless. Fix: set storage_kind to postgres.",
    ),
    ("no day", {"decided_on": "tomorrow"}, "decided_on: 'tomorrow' is not a day"),
    ("a damaged history", {"history": {"trail": ["x"]}}, "history: is damaged: line 1 of the trail. Fix: put back"),
    ("a history that is none", {"history": "gone"}, "history: is damaged: history is not a mapping of names"),
    (
        "a damaged schema",
        {"history": {"trail": [], "offsets": {}, "ids": {}, "schema": {"stock": [["nonsense"]]}}},
        "history: is damaged: schema.stock",
    ),
    ("names that templates use", {"project": 1}, "project: is not a question of this template"),
    ("the name of the guard", {"preflight": 1}, "preflight: is not a question of this template"),
    ("the name of a helper", {"decisions": 1, "render_role": 1}, "decisions: is not a question of this template"),
    ("a setting of Copier", {"_subdirectory": "x"}, "_subdirectory: is not a question of this template"),
    ("the name of a builtin", {"range": 1}, "range: is not a question of this template"),
]


@pytest.mark.parametrize(("wrong", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_wrong_data_is_refused(template: Path, tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserMessageError) as refused:
        run_copy(str(template), tmp_path / "project", data=SHOP | wrong, unsafe=True, defaults=True, quiet=True)
    assert message in str(refused.value)
    assert all(": " in line and ". Fix: " in line for line in str(refused.value).splitlines())
    assert not (tmp_path / "project").exists()


def test_what_is_missing_is_named(template: Path, tmp_path: Path) -> None:
    with pytest.raises(UserMessageError, match="project_name: is missing"):
        run_copy(str(template), tmp_path / "project", data={}, unsafe=True, defaults=True, quiet=True)
    assert not (tmp_path / "project").exists()


def test_all_problems_are_reported_at_once(template: Path, tmp_path: Path) -> None:
    wrong = SHOP | {"storage_knd": "sqlite", "port_base": "many", "distribution": 3}
    with pytest.raises(UserMessageError) as refused:
        run_copy(str(template), tmp_path / "project", data=wrong, unsafe=True, defaults=True, quiet=True)
    named = {line.partition(":")[0] for line in str(refused.value).splitlines()}
    assert named == {"storage_knd", "port_base", "distribution"}


def test_the_command_shows_no_traceback(template: Path, tmp_path: Path) -> None:
    data = tmp_path / "answers.yml"
    data.write_text(yaml.safe_dump(SHOP | {"storage_kind": "sqlte"}))
    arguments = ["--trust", "--defaults", "--data-file", str(data), str(template), str(tmp_path / "project")]
    command = [sys.executable, "-m", "copier", "copy", *arguments]
    result = subprocess.run(command, env=os.environ, capture_output=True, text=True)
    assert result.returncode == 1
    assert "Fix: did you mean 'sqlite'?" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "project").exists()


def test_the_order_of_answers_is_that_of_the_questions(generate: Generate) -> None:
    """Copier would put those given as data in another place, and Replay would not hold."""
    answers = yaml.safe_load((generate(SHOP) / ".copier-answers.yml").read_text("utf-8"))
    names = list(answers)
    assert names[:2] == ["_commit", "_src_path"]
    assert names.index("project_name") < names.index("concept") < names.index("services") < names.index("history")


class TestRecordedAnswers:
    def test_damaged_by_hand_stop_an_update(self, generate: Generate, reanswer: Reanswer) -> None:
        project = generate(SHOP)
        file = project / ".copier-answers.yml"
        file.write_text(file.read_text("utf-8").replace("offsets:\n        stock: 0", "offsets:\n        stock: first"))
        with pytest.raises(UserMessageError, match="history: is damaged: offsets of stock"):
            reanswer(project, port_base=9000)
        assert git(project, "status", "--porcelain") == ""

    @pytest.mark.parametrize("left", ["", "history: {}\n"])
    def test_without_a_history_stop_an_update(self, generate: Generate, reanswer: Reanswer, left: str) -> None:
        """Ports, ids and migrations would start anew."""
        project = generate(SHOP)
        file = project / ".copier-answers.yml"
        file.write_text(re.sub(r"^history:.*?(?=^why)", left, file.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE))
        with pytest.raises(UserMessageError, match="history: is gone"):
            reanswer(project, port_base=9000)
        assert git(project, "status", "--porcelain") == ""

    def test_that_a_new_version_refuses_stop_an_update(
        self, generate: Generate, reanswer: Reanswer, tmp_path: Path
    ) -> None:
        template = clone_template(tmp_path / "template")
        project = generate(SHOP | {"distribution": "partner"}, template)
        questions = template / "questions" / "2-2-users.yml"
        text = questions.read_text("utf-8")
        questions.write_text("".join(line for line in text.splitlines(keepends=True) if "partner" not in line))
        assert questions.read_text("utf-8") != text
        commit(template, "v2.0.0")
        with pytest.raises(UserMessageError, match="distribution: 'partner' is not one of"):
            reanswer(project, ref="v2.0.0")
        assert git(project, "status", "--porcelain") == ""
        reanswer(project, ref="v2.0.0", distribution="public")
        assert "distribution: public" in (project / ".copier-answers.yml").read_text("utf-8")
