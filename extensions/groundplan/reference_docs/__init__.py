"""What this repository says of itself to people and editors, made from the questionnaire, the catalogue and the guide.

`docs/build.py` writes it; a test keeps it in step.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ..catalogue import load
from ..questionnaire import DEPTHS, QUESTIONS, with_choices
from . import answers_files, guide_coverage, json_schema, options_document, questionnaire_document


def documents(root: Path) -> Iterator[tuple[str, str]]:
    """Every generated file of the folder `docs`, and the answers of the button, by its path from the root."""
    catalogue = load(root / "decisions")
    questions = with_choices(QUESTIONS, {decision.id: decision.answers for decision in catalogue.decisions})
    yield (
        "docs/answers.schema.json",
        json.dumps(json_schema.of(questions, catalogue), indent=2, ensure_ascii=False) + "\n",
    )
    for depth in DEPTHS:
        yield f"docs/answers.example.{depth}.yml", answers_files.example(questions, catalogue, depth)
    yield "answers.yml", answers_files.to_fill_in(questions, catalogue)
    yield "docs/questionnaire.md", questionnaire_document.text(questions, catalogue)
    yield "docs/guide-coverage.md", guide_coverage.text(guide_coverage.read(root / "docs" / "guide.yml"))
    yield "docs/options.md", options_document.text(catalogue)
