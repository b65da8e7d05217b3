"""What a change gives another name keeps what it has, and what cannot be renamed is reported with its fix."""

from __future__ import annotations

from typing import Any

import pytest

from groundplan import catalogue
from groundplan.generation import build
from groundplan.problems import Refused
from groundplan.project import Project
from projects import REPOSITORY

CATALOGUE = catalogue.load(REPOSITORY / "decisions")
SHOP: dict[str, Any] = {
    "project_name": "Shop",
    "concept": "Sells things.",
    "services": ["shop: sells"],
    "data_entities": ["Book(title: str, pages: int)", "Box(size: int)"],
    "mvp_features": [{"name": "Find books", "acceptance": ["Fast."]}, "Buy books: pays"],
    "risks": [{"risk": "The shop burns", "mitigation": "a second one"}],
}
LEAVES = ["Book(title: str, leaves: int)", "Box(size: int)"]


def shop(before: Project | None = None, **changes: object) -> Project:
    """The shop with other answers, after it was as it was before."""
    known = {"history": before.history.as_answer()} if before else {}
    return build(SHOP | changes | known, CATALOGUE).project


def schema(project: Project) -> tuple[str, ...]:
    """The last migration."""
    return project.history.revisions("shop")[-1]


def test_a_field_is_renamed_once_whichever_render_says_it() -> None:
    changes: dict[str, Any] = {"data_entities": LEAVES, "renames": ["Book.pages -> leaves"]}
    renamed = shop(shop(), **changes)
    assert schema(renamed) == ("rename books.pages int to leaves",)
    assert shop(renamed, **changes).history == renamed.history
    assert shop(renamed, data_entities=LEAVES).history == renamed.history


def test_a_new_project_has_nothing_to_rename() -> None:
    changes: dict[str, Any] = {"data_entities": LEAVES, "renames": ["Book.pages -> leaves", "Sell books -> Buy books"]}
    assert shop(**changes).history == shop(data_entities=LEAVES).history


def test_what_has_an_id_keeps_it_with_those_of_its_criteria() -> None:
    features = [{"name": "Buy books"}, {"name": "Search books", "acceptance": ["Fast."]}]
    risks = [{"risk": "The shop floods", "mitigation": "a second one"}]
    lines = ["Find books -> Search books", "The shop burns -> The shop floods"]
    renamed = shop(shop(), mvp_features=features, risks=risks, renames=lines)
    assert [(it.name, it.id) for it in renamed.product.features] == [
        ("Buy books", "FR-002"),
        ("Search books", "FR-001"),
    ]
    assert renamed.product.features[1].criteria[0].id == "FR-001-AC1"
    assert renamed.history.id("RISK", "The shop floods") == "RISK-1"
    assert shop(renamed, mvp_features=features, risks=risks, renames=lines).history == renamed.history


def test_it_is_cleared_after_the_change() -> None:
    assert shop().answers_file({"renames": ["Book.pages -> leaves"]})["renames"] == []


@pytest.mark.parametrize(
    ("line", "changes", "fault"),
    [
        ("pages", {}, "renames: does not say what gets which name. Fix: write e.g. 'Book.pages -> leaves'."),
        (["a ->"], {}, "renames[0]: does not say what gets which name. Fix: write e.g. 'Book.pages -> leaves'."),
        ([7], {}, 'renames[0]: is a number, not text. Fix: write it in quotes, e.g. "Book.pages -> leaves".'),
        (
            ["Book.pages -> leafs"],
            {"data_entities": LEAVES},
            "renames[0]: 'leafs' is no field of Book. "
            "Fix: did you mean 'leaves'? Otherwise give it that field in data_entities.",
        ),
        (
            ["Book.pages -> weight"],
            {"data_entities": LEAVES},
            "renames[0]: 'weight' is no field of Book. Fix: give it that field in data_entities.",
        ),
        (
            ["Book.title -> leaves"],
            {"data_entities": LEAVES},
            "renames[0]: Book still has the field 'title'. Fix: call it by its new name in data_entities, too.",
        ),
        (
            ["Book.page -> leaves"],
            {"data_entities": LEAVES},
            "renames[0]: Book had no field 'page'. Fix: did you mean 'pages'? Otherwise name one that it had.",
        ),
        (
            ["Book.pages -> title"],
            {"data_entities": ["Book(title: str)"]},
            "renames[0]: Book had both 'pages' and 'title' before. Fix: keep the one that it has.",
        ),
        (
            ["Book.pages -> leaves", "Book.pages -> sheets"],
            {"data_entities": ["Book(title: str, leaves: int, sheets: int)"]},
            "renames[1]: 'Book.pages' and 'sheets' are not one to one. Fix: leave one line for each name.",
        ),
        (
            ["Find books -> Search", "Buy books -> Search"],
            {"mvp_features": ["Search"]},
            "renames[1]: 'Buy books' and 'Search' are not one to one. Fix: leave one line for each name.",
        ),
        (
            ["Boxes.pages -> leaves"],
            {"data_entities": LEAVES},
            "renames[0]: 'leaves' is no field of an entity, feature, target, metric or risk in the answers. "
            "Fix: write a field as 'Book.pages -> leaves', and all else as the answers call it from now on.",
        ),
        (
            ["Find books -> Buy books"],
            {"mvp_features": ["Buy books"]},
            "renames[0]: 'Buy books' was there before, too. Fix: leave the line out.",
        ),
        (
            ["Find books -> Search books"],
            {"mvp_features": ["Find books", "Search books"]},
            "renames[0]: 'Find books' is still there. Fix: call it by its new name in the answers, too.",
        ),
        (
            ["Find book -> Search books"],
            {"mvp_features": ["Search books"]},
            "renames[0]: nothing was called 'Find book'. "
            "Fix: did you mean 'Find books'? Otherwise name what it was called.",
        ),
    ],
)
def test_what_cannot_be_renamed_is_reported(line: object, changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(Refused) as refused:
        shop(shop(), renames=line, **changes)
    assert str(refused.value) == fault
