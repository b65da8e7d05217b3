"""Where records are found, by the option that tells versions of an API."""

from __future__ import annotations

import pytest

from groundplan import catalogue
from groundplan.generation import build
from groundplan.problems import Refused
from groundplan.project import RESERVED_PATHS
from projects import REPOSITORY

CATALOGUE = catalogue.load(REPOSITORY / "decisions")

KEPT = {
    "project_name": "Archive",
    "concept": "An archive.",
    "services": [{"name": "papers", "responsibility": "keeps papers"}],
}


@pytest.mark.parametrize(("option", "path"), [("url", "/v1/sheets"), ("header", "/sheets"), ("additive", "/sheets")])
def test_an_address_has_the_version_that_the_option_puts_there(option: str, path: str) -> None:
    project = build(KEPT | {"data_entities": ["papers.Sheet(label: str)"], "api_versioning": option}, CATALOGUE).project
    assert project.product.entities["Sheet"].path == path


@pytest.mark.parametrize("name", ["Doc", "Metric"])
def test_an_entity_is_not_hidden_by_what_every_service_answers(name: str) -> None:
    hidden = KEPT | {"data_entities": [f"papers.{name}(label: str)"]}
    product = build(hidden | {"api_versioning": "url"}, CATALOGUE).project.product
    assert product.entities[name].collection in RESERVED_PATHS
    with pytest.raises(Refused, match=f"{name} would be found at /{name.lower()}s, where every service answers"):
        build(hidden | {"api_versioning": "additive"}, CATALOGUE)
