"""An option is one folder: a made-up one is added to a copy of the repository, and nothing else is touched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from copier import run_copy
from copier.errors import UserMessageError

from copies import Generate, clone_template, commit
from groundplan import catalogue
from projects import REPOSITORY

DECISIONS = catalogue.load(REPOSITORY / "decisions").decisions

ANSWERS = {
    "project_name": "Shop",
    "concept": "A shop.",
    "services": [{"name": "stock", "responsibility": "keeps things"}],
    "data_entities": ["stock.Thing(label: str)"],
}

PARCHMENT = """
  parchment:
    label: Parchment
    because: It lasts a thousand years.
    cost: Writing takes a while.
    rejected: nobody can wait that long
    confirmed_by: A monk reads it.
    drivers: {personal: 9}
    footprint:
      dependencies: {goose-quill==1.0: writes}
      environment:
        "{SERVICE}_SCROLL": {default: "{slug}-{service}", description: A scroll}
"""
"""A made-up option of the decision `storage_kind`."""


FIRST, *OTHERS = next(it.required_modules for it in DECISIONS if it.id == "storage_kind")
"""The modules that each option of the decision must bring."""


def offer(template: Path, *modules: str) -> None:
    """Add the option, with modules of its own."""
    folder = template / "decisions" / "storage_kind"
    with (folder / "decision.yml").open("a") as file:
        file.write(PARCHMENT)
    for module in modules:
        target = folder / "parchment" / module
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text('"""Written for {{ project.product.name }}."""\n')
    commit(template, "v1.1.0")


@pytest.fixture(scope="module")
def offering(bare_git: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template that offers the option."""
    template = clone_template(tmp_path_factory.mktemp("offering") / "groundplan")
    offer(template, f"{FIRST}.jinja", *OTHERS, "services/common/quill.py", "docs/monks/{{ raw }}.md")
    return template


@pytest.fixture(scope="module")
def project(generate: Generate, offering: Path) -> Path:
    """A project that chose it."""
    return generate(ANSWERS | {"storage_kind": "parchment"}, offering)


class TestAddedOption:
    def test_brings_its_modules(self, project: Path) -> None:
        assert (project / FIRST).read_text() == '"""Written for Shop."""\n'

    def test_brings_plain_modules_as_they_are(self, project: Path) -> None:
        plain = '"""Written for {{ project.product.name }}."""\n'
        assert (project / "services/common/quill.py").read_text() == plain
        assert (project / "docs/monks/{{ raw }}.md").read_text() == plain

    def test_brings_its_dependencies_and_settings(self, project: Path) -> None:
        assert '"goose-quill==1.0"' in (project / "pyproject.toml").read_text()
        assert "STOCK_SCROLL" in (project / ".env.example").read_text()
        assert "aiosqlite" not in (project / "pyproject.toml").read_text()

    def test_is_in_the_decision_records(self, project: Path) -> None:
        (record,) = (project / "Planning" / "Decisions").glob("*-storage-kind.md")
        text = record.read_text()
        assert "Chosen: **Parchment**. It lasts a thousand years" in text
        assert "PostgreSQL was rejected: " in text

    def test_may_be_proposed(self, generate: Generate, offering: Path) -> None:
        project = generate(ANSWERS | {"distribution": "personal"}, offering)
        answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
        assert any("storage_kind=parchment|auto" in line for line in answers["history"]["trail"])


def test_an_option_without_a_module_that_others_import_is_reported(tmp_path: Path) -> None:
    template = clone_template(tmp_path / "groundplan")
    offer(template, "services/common/quill.py")
    with pytest.raises(UserMessageError, match="parchment does not bring scripts/migrate"):
        run_copy(str(template), tmp_path / "project", data=ANSWERS, unsafe=True, defaults=True, quiet=True)
    assert not (tmp_path / "project").exists()


TEMPLATES = [
    path
    for path in sorted((REPOSITORY / "template").rglob("*"))
    if path.is_file() and not re.search(r"cache(__)?/|/\.github/", path.as_posix())
]
"""All but the workflows, which cannot vary with the answers: GitHub's own token may not change one."""

ORDINARY = {
    "services",
    "functions",
    "documents",
    "files",
    "none",
    "session",
    "workflow",
    "queue",
    "process",
    "shared",
    "outbox",
    "platform",
    "fields",
    "threshold",
    "env_file",
    "header",
    "url",
    "health",
    "plain",
}
"""Options whose names are words that templates need for something else: `services` is a folder."""


def hits(pattern: str, *, inside: str = "") -> list[str]:
    """Where a pattern is found in templates and their paths, in whole or only inside of another pattern."""
    found = []
    for path in TEMPLATES:
        text = f"{path.relative_to(REPOSITORY)}\n{path.read_text('utf-8')}"
        places = re.findall(inside, text, re.DOTALL) if inside else [text]
        found += [f"{path.name}: {hit}" for place in places for hit in re.findall(pattern, place, re.IGNORECASE)]
    return found


def test_templates_ask_for_no_option() -> None:
    """What a template needs to know of a decision is a trait or a footprint, so that a new option needs no new branch.

    No word that Jinja is given to compare with may be the name of an option, be it ordinary or not. Commands may.
    """
    names = {option.name for decision in DECISIONS for option in decision.options}
    assert not hits(rf"""(?<!\brun\()["']({"|".join(sorted(names))})["']""", inside=r"\{[{%].*?[%}]\}")


def test_templates_name_no_option_of_a_decision_that_is_asked() -> None:
    """What belongs to one option is in its folder, so that nothing of it is left where another is chosen."""
    asked = [option for decision in DECISIONS if not decision.settled for option in decision.options]
    names = {word for option in asked for word in (option.name, option.label)} - ORDINARY - {"Services", "Files"}
    assert not hits(rf"\b({'|'.join(sorted(map(re.escape, names)))})\b")
