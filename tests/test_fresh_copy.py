"""Fresh copies, as pytest-copie makes them: what a first `copier copy` gives, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from copier.errors import UserMessageError
from pytest_copie.plugin import Copie

from projects import EXAMPLES, answers

SMALLEST: dict[str, Any] = {
    "project_name": "Quiz night",
    "concept": "A pub runs its quiz without paper.",
    "mvp_features": ["Keep score: everybody sees who leads"],
}
"""The answers that nobody else can give."""


@pytest.fixture
def fresh(copie: Copie, template: Path) -> Any:
    """Copy the committed template with answers."""
    return lambda given: copie.copy(extra_answers=given, template_dir=template)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_is_copied_and_remembers_its_answers(fresh: Any, example: Path) -> None:
    result = fresh(answers(example))
    assert (result.exit_code, result.exception) == (0, None)
    remembered = yaml.safe_load((result.project_dir / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert answers(example).items() <= remembered.items()
    assert remembered["history"]["trail"]


def test_three_answers_are_enough(fresh: Any) -> None:
    result = fresh(SMALLEST)
    assert result.exception is None
    assert (result.project_dir / "services" / "core" / "main.py").is_file()
    gaps = (result.project_dir / "Planning" / "GapReport.md").read_text(encoding="utf-8")
    assert "services is not answered" in gaps


def test_the_documents_of_one_service_do_not_tell_of_others(fresh: Any) -> None:
    project = fresh(SMALLEST).project_dir
    for document in ("AGENTS.md", "Planning/ImplementationGuide.md", "docs/operations.md"):
        assert "each other" not in (project / document).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"services": ["shop: sells", "shop: buys"]}, "services[1]"),
        ({"services": [{"name": "shop", "depends_on": ["stock"]}]}, "services[0].depends_on[0]"),
        ({"services": ["class: teaches"]}, "is a Python keyword"),
        ({"services": ["json: keeps"]}, "standard library"),
        ({"services": ["common: shares"]}, "services[0]"),
        ({"services": [{"name": "shop", "port": 99999}]}, "services[0].port"),
        ({"services": [{"name": "a_shop", "port": 8200}, {"name": "b_shop", "port": 8200}]}, "port"),
        ({"data_entities": ["core.Book(title: string)"]}, "data_entities[0]"),
        ({"port_base": "eight"}, "port_base"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_and_nothing_is_written(
    fresh: Any, wrong: dict[str, Any], message: str
) -> None:
    result = fresh(SMALLEST | wrong)
    assert isinstance(result.exception, UserMessageError)  # which the command line shows without a traceback
    assert message in str(result.exception)
    assert all("Fix:" in line for line in str(result.exception).splitlines())
    assert result.project_dir is None or not any(result.project_dir.iterdir())
