"""Where services keep their records: one decision says on which server, another who uses what is there."""

from __future__ import annotations

from typing import Any

import pytest

from groundplan import catalogue
from groundplan.generation import build
from groundplan.planning.documents import Planning
from groundplan.problems import Refused
from groundplan.project import Project
from projects import REPOSITORY

CATALOGUE = catalogue.load(REPOSITORY / "decisions")
SHOP: dict[str, Any] = {
    "project_name": "Shop",
    "concept": "Sells.",
    "services": ["stock: knows what is there", "sales: sells it"],
    "data_entities": ["stock.Thing(label: str)", "sales.Sale(thing: uuid)"],
}
SERVER = "127.0.0.1:5432"
APART = {"storage_kind": "postgres", "data_ownership": "database_per_service"}
TOGETHER = {"storage_kind": "postgres", "data_ownership": "schema_per_service"}
SHARED = {"storage_kind": "postgres", "data_ownership": "shared_database"}


def settings(project: Project) -> dict[str, str]:
    return {it.name: it.default for it in project.environment if "DATABASE" in it.name}


def test_each_service_has_a_database() -> None:
    assert settings(build(SHOP | APART, CATALOGUE).project) == {
        "STOCK_DATABASE_URL": f"postgresql+asyncpg://postgres:postgres@{SERVER}/shop_stock",
        "SALES_DATABASE_URL": f"postgresql+asyncpg://postgres:postgres@{SERVER}/shop_sales",
    }


@pytest.mark.parametrize("where", [TOGETHER, SHARED])
def test_each_service_has_a_role_in_one_database_and_none_knows_who_makes_them(where: dict[str, str]) -> None:
    project = build(SHOP | where, CATALOGUE).project
    assert settings(project) == {
        "DATABASE_ADMIN_URL": f"postgresql+asyncpg://postgres:postgres@{SERVER}/postgres",
        "STOCK_DATABASE_URL": f"postgresql+asyncpg://shop_stock:development@{SERVER}/shop",
        "SALES_DATABASE_URL": f"postgresql+asyncpg://shop_sales:development@{SERVER}/shop",
    }
    for it in Planning(project).specifications:
        assert [setting.name for setting in it.settings if "DATABASE" in setting.name] == [
            f"{it.name.upper()}_DATABASE_URL"
        ]


@pytest.mark.parametrize("where", [{}, {"storage_kind": "files"}, APART, TOGETHER, SHARED])
def test_a_service_that_keeps_nothing_has_no_database_anywhere(where: dict[str, str]) -> None:
    services = [*SHOP["services"], "quotes: tells what a thing costs"]
    urls = settings(build(SHOP | {"services": services} | where, CATALOGUE).project).keys() - {"DATABASE_ADMIN_URL"}
    assert urls == {"STOCK_DATABASE_URL", "SALES_DATABASE_URL"}


def test_who_else_reads_rows_moves_none() -> None:
    assert build(SHOP | TOGETHER, CATALOGUE).project.row_storage == build(SHOP | SHARED, CATALOGUE).project.row_storage


def test_rows_can_come_from_wherever_they_may_be_kept() -> None:
    urls = [
        "sqlite+aiosqlite:///var/{service}.db",
        f"postgresql+asyncpg://postgres:postgres@{SERVER}/shop_{{service}}",
        f"postgresql+asyncpg://shop_{{service}}:development@{SERVER}/shop",
    ]
    for where, url in zip(({}, APART, TOGETHER), urls, strict=True):
        project = build(SHOP | where, CATALOGUE).project
        assert [it.url for it in project.possible_row_storages] == urls
        assert project.row_storage is not None
        assert project.row_storage.url == url


def test_what_was_filled_in_is_reported_for_both_decisions() -> None:
    for where in (APART, TOGETHER):
        (stock,) = [it for it in build(SHOP | where, CATALOGUE).project.environment if it.name == "STOCK_DATABASE_URL"]
        assert stock.because_of >= {"storage_kind", "data_ownership", "project_slug"}
    (stock,) = [it for it in build(SHOP, CATALOGUE).project.environment if it.name == "STOCK_DATABASE_URL"]
    assert "data_ownership" not in stock.because_of


@pytest.mark.parametrize("storage", ["sqlite", "files"])
def test_without_a_server_there_is_none_to_share(storage: str) -> None:
    for where, label in ((TOGETHER, "A schema for each service"), (SHARED, "One database that all services read")):
        line = rf"data_ownership: {label} is not possible: it needs PostgreSQL \(storage_kind\)\. Fix: "
        with pytest.raises(Refused, match=line):
            build(SHOP | where | {"storage_kind": storage}, CATALOGUE)
    small = {"team": {"size": 1}, "deploy_target": "vm", "storage_kind": storage}
    assert build(SHOP | small, CATALOGUE).project.decision("data_ownership").option.name == "database_per_service"


@pytest.mark.parametrize("storage", ["auto", "postgres"])
def test_for_one_person_it_is_proposed_where_there_is_a_server(storage: str) -> None:
    """Whether somebody took the server or it is proposed, too."""
    alone = {"team": {"size": 1}, "deploy_target": "kubernetes", "storage_kind": storage}
    (it,) = [it for it in build(SHOP | alone, CATALOGUE).project.decisions if it.decision.id == "data_ownership"]
    assert (it.option.name, it.better) == ("schema_per_service", None)


@pytest.mark.parametrize("where", [APART, TOGETHER, SHARED])
def test_a_name_that_the_server_would_cut_is_refused(where: dict[str, str]) -> None:
    long = {"project_slug": "a" * 30, "services": [f"{'b' * 33}: sells"], "data_entities": []}
    with pytest.raises(
        Refused, match=r"services: b+ needs the name 'a+_b+[.]*' at the database server, which takes 63"
    ):
        build(SHOP | long | where, CATALOGUE)
    build(SHOP | long | {"storage_kind": "sqlite"}, CATALOGUE)
    build(SHOP | long | where | {"project_slug": "a" * 29}, CATALOGUE)


def test_a_service_may_not_be_called_as_the_setting_of_who_makes_them() -> None:
    with pytest.raises(Refused, match="'database_admin' needs the setting DATABASE_ADMIN_URL"):
        build(SHOP | {"services": ["database_admin: looks after it"], "data_entities": []}, CATALOGUE)
