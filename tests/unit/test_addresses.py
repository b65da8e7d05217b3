"""Where processes and records are found, by the options that say so."""

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


STALL = KEPT | {
    "services": [
        {"name": "papers", "responsibility": "keeps papers"},
        {"name": "stamps", "responsibility": "counts stamps", "exposure": "internal"},
    ],
    "architecture_style": "services",
}


@pytest.mark.parametrize(("option", "scheme"), [("signed_tokens", "http"), ("mutual_tls", "https")])
def test_addresses_begin_as_the_option_says_by_which_services_know_each_other(option: str, scheme: str) -> None:
    project = build(STALL | {"service_auth": option, "api_auth": "accounts"}, CATALOGUE).project
    urls = {it.name: it.default for it in project.environment if it.name.endswith("_URL")}
    assert {"PAPERS_URL", "STAMPS_URL", "IDENTITY_KEYS_URL"} <= urls.keys()
    assert {url.partition("://")[0] for name, url in urls.items() if "DATABASE" not in name} == {scheme}
    assert all(it.url.startswith(f"{scheme}://") for it in project.processes)


@pytest.mark.parametrize(("topology", "reached"), [("direct", {"papers"}), ("gateway", {"api-gateway"})])
def test_callers_from_outside_reach_what_is_meant_for_them(topology: str, reached: set[str]) -> None:
    project = build(STALL | {"topology": topology}, CATALOGUE).project
    assert {it.name for it in project.processes if project.serves_outsiders(it)} == reached
