"""The prompts in a real terminal: an express run by keyboard, faults that are seen and mended, and Ctrl-C."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
import yaml

from copies import Generate, commit
from groundplan.prompts import WIDTH
from groundplan.questionnaire import QUESTIONS
from live import Caller, running
from projects import free_port_base, model, run
from terminal import COLUMNS, CTRL_C, DOWN, ENTER, ERASE, FINISH, Terminal

ENTITIES = '- "catalog.Book(title: str, price: money)"'
SERVICES = "- catalog: keeps the books"


def copying(template: Path, folder: Path, *options: str) -> Terminal:
    command = [sys.executable, "-m", "copier", "copy", "--trust", *options, str(template), str(folder)]
    return Terminal(command, os.environ)


def go_to_the_name(terminal: Terminal) -> None:
    """Accept the first two prompts, which every sitting begins with."""
    terminal.wait("0 How much do you want to answer now?")
    terminal.type(ENTER)
    terminal.wait("0 Who answers?")
    terminal.type(ENTER)
    terminal.wait("1 What is the project called?")


class TestExpressRun:
    """Somebody who reads nothing but the prompts gets a project that starts."""

    @pytest.fixture(scope="class")
    @classmethod
    def typed(cls, template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
        """The project, and all that was on the screen while it was asked for."""
        project = tmp_path_factory.mktemp("typed") / "shop"
        ports = f"port_base={free_port_base(5)}"  # README's command may run at the same time, on the usual ones
        with copying(template, project, "--data", ports) as terminal:
            go_to_the_name(terminal)
            terminal.type(ENTER)
            terminal.wait("name the project, e.g.")
            terminal.type("Book shop", ENTER)
            terminal.wait("1 What is the idea")
            terminal.type("Sells books by post.", FINISH)
            terminal.wait("2.1 What are the core features")
            terminal.type("- Sell: a reader buys a book", FINISH)
            terminal.wait("2.1 What is explicitly out of scope?")
            terminal.type("[]", FINISH)
            terminal.wait("not needed: <reason>?")
            terminal.type(ERASE, "not needed: the shop is small", FINISH)
            terminal.wait("2.2 Who are the primary users?")
            terminal.type(FINISH)
            terminal.wait("2.2 How will users interact")
            terminal.type(ENTER)
            terminal.wait("2.2 Is this for personal use")
            terminal.type(*[DOWN] * 5, ENTER)  # from internal past partner, public, tbd, not needed to defer
            terminal.wait("2.2 What brings it up again")
            terminal.type("the first partner, the owner", ENTER)
            terminal.wait("2.4 Which data will be processed?")
            terminal.type('- "catalog.Book(title: strng)"', FINISH)
            terminal.wait("did you mean 'str'?")
            terminal.type(ERASE, ENTITIES, FINISH)
            terminal.wait("2.4 Which of the data need protection?")
            terminal.type(ENTER)
            terminal.wait("2.5 Which external APIs")
            terminal.type(FINISH)
            terminal.wait("2.8 How do we measure success?")
            terminal.type("- Orders a week: 10", FINISH)
            terminal.wait("2.9 What is the target timeline")
            terminal.type(FINISH)
            terminal.wait("3.1 What are the service boundaries?")
            terminal.type("- orders: takes orders", FINISH)
            terminal.wait("add 'catalog' to services")
            terminal.type(ERASE, SERVICES, FINISH)
            terminal.wait("Planning/README.md says what to read first.")
            assert terminal.ended() == 0
            return project, terminal.shown

    def test_takes_what_was_typed(self, typed: tuple[Path, str]) -> None:
        answers = yaml.safe_load((typed[0] / ".copier-answers.yml").read_text("utf-8"))
        assert answers["project_name"] == "Book shop"
        assert answers["out_of_scope"] == "not needed: the shop is small" or answers["out_of_scope"] == {
            "not needed": "the shop is small"
        }
        assert (answers["distribution"], answers["distribution_because"]) == ("defer", "the first partner, the owner")
        assert answers["services"] == [{"catalog": "keeps the books"}]

    def test_shows_where_one_is(self, typed: tuple[Path, str]) -> None:
        shown = re.findall(r"━━━ (.+) ━━━", typed[1])
        assert shown[0] == "How to answer"
        assert "Phase 2 of 9 · Requirements, 4 of 10 · Data" in shown
        assert shown == list(dict.fromkeys(shown))

    def test_gives_a_project_that_starts(self, typed: tuple[Path, str], tmp_path: Path) -> None:
        project = typed[0]
        assert "nine checkpoints" in run(project, "plan", "check")
        with running(project, tmp_path / "log", "dev"), Caller(model(project)) as caller:
            caller.wait()
            assert caller.answers("catalog")


class TestInterruption:
    def test_keeps_what_was_answered_and_goes_on_from_there(self, template: Path, tmp_path: Path) -> None:
        project, kept = tmp_path / "shop", tmp_path / "shop.answers.yml"
        with copying(template, project) as terminal:
            go_to_the_name(terminal)
            terminal.type("Book shop", ENTER)
            terminal.wait("1 What is the idea")
            terminal.type("Sells books.", FINISH)
            terminal.wait("2.1 What are the core features")
            terminal.type(CTRL_C)
            terminal.wait("--data-file")
            assert terminal.ended() == 1
            assert "Traceback" not in terminal.shown
        assert not project.exists()
        answers = yaml.safe_load(kept.read_text("utf-8"))
        assert (answers["project_name"], answers["concept"]) == ("Book shop", "Sells books.")
        with copying(template, project, "--data-file", str(kept)) as terminal:
            terminal.wait("2.1 What are the core features")
            assert "What is the project called?" not in terminal.shown
            terminal.type(CTRL_C)
            assert terminal.ended() == 1
        assert yaml.safe_load(kept.read_text("utf-8")) == answers

    def test_writes_nothing_when_nothing_was_answered(self, template: Path, tmp_path: Path) -> None:
        with copying(template, tmp_path / "shop") as terminal:
            terminal.wait("0 How much")
            terminal.type(CTRL_C)
            assert terminal.ended() == 1
        assert list(tmp_path.iterdir()) == []

    def test_an_update_that_is_interrupted_changes_nothing(self, generate: Generate) -> None:
        project = generate({"project_name": "Shop", "concept": "Sells books."})
        commit(project)
        before = (project / ".copier-answers.yml").read_text("utf-8")
        command = [sys.executable, "-m", "copier", "update", "--trust", "--vcs-ref", ":current:", str(project)]
        with Terminal(command, os.environ) as terminal:
            terminal.wait("0 How much")
            terminal.type(DOWN, ENTER)
            terminal.wait("0 Who answers?")
            terminal.type(CTRL_C)
            terminal.wait("--data-file")
            assert terminal.ended() == 1
        assert (project / ".copier-answers.yml").read_text("utf-8") == before
        kept = project.parent / f"{project.name}.answers.yml"
        assert yaml.safe_load(kept.read_text("utf-8")) == {"depth": "standard"}


def test_an_interruption_while_files_are_written_keeps_the_answers(template: Path, tmp_path: Path) -> None:
    given = tmp_path / "given.yml"
    defaults = {it.name: it.default for it in QUESTIONS if not it.required and not it.when and it.name != "respondent"}
    given.write_text(yaml.safe_dump(defaults | {"project_name": "Shop", "project_slug": "shop", "concept": "Sells."}))
    project = tmp_path / "shop"
    project.mkdir()
    (project / ".gitattributes").write_text("mine\n")
    with copying(template, project, "--data-file", str(given)) as terminal:
        terminal.wait("0 Who answers?")
        terminal.type(ENTER)
        terminal.wait("Overwrite")
        # Files are written in the order in which the file system lists them: the answers may be there already.
        recorded = project / ".copier-answers.yml"
        kept = recorded if recorded.exists() else tmp_path / "shop.answers.yml"
        terminal.type(CTRL_C)
        if kept != recorded:
            terminal.wait("--data-file")
        assert terminal.ended() == 1
    assert yaml.safe_load(kept.read_text("utf-8"))["respondent"] == "human"
    assert (project / ".gitattributes").read_text() == "mine\n"


def test_contradictions_are_greyed_with_their_reason(template: Path, tmp_path: Path) -> None:
    given = tmp_path / "given.yml"
    defaults = {it.name: it.default for it in QUESTIONS if not it.required and not it.when}
    named = {"project_name": "Shop", "project_slug": "shop", "concept": "Sells."}
    answers = defaults | named | {"depth": "comprehensive", "deploy_target": "serverless"}
    del answers["storage_kind"]
    given.write_text(yaml.safe_dump(answers))
    with copying(template, tmp_path / "shop", "--data-file", str(given)) as terminal:
        terminal.wait("3.3 Which database")
        terminal.wait("(deploy_target is serverless)")
        assert "Recommended: PostgreSQL (deploy_target is serverless)." in terminal.shown
        terminal.type(DOWN, ENTER)  # past the one that cannot be
        terminal.wait("Planning/README.md says what to read first.")
        assert terminal.ended() == 0
    recorded = yaml.safe_load((tmp_path / "shop" / ".copier-answers.yml").read_text("utf-8"))
    assert recorded["storage_kind"] == "postgres"


def test_every_line_of_every_prompt_fits_into_80_columns() -> None:
    assert WIDTH < COLUMNS
    for question in QUESTIONS:
        first, *others = question.help.splitlines() or [""]
        assert all(len(line) < COLUMNS for line in (f"{question.number} {first}", *others)), question.name
        assert all(len(label) + 4 < COLUMNS for label in question.labels or question.choices), question.name
