"""Commands come from the package manager that was taken, and addresses from where processes and servers are found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from groundplan import catalogue
from groundplan.catalogue import Catalogue, with_commands
from groundplan.generation import build
from groundplan.project import Project
from groundplan.provenance import tracking
from groundplan.text import commented
from projects import REPOSITORY

REAL = catalogue.load(REPOSITORY / "decisions")
SHOP: dict[str, object] = {
    "project_name": "Shop",
    "concept": "Sells.",
    "services": ["stock: knows what is there", {"name": "sales", "depends_on": ["stock"]}],
    "data_entities": ["stock.Thing(label: str)", "sales.Sale(label: str)"],
    "events": ["thing.added on create Thing"],
    "architecture_style": "services",
    "storage_kind": "postgres",
    "data_ownership": "schema_per_service",
    "delivery": "redis_streams",
}


@pytest.fixture(scope="module")
def shop() -> Project:
    return build(SHOP, REAL).project


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """What can be decided where processes and servers are found by their names."""
    folder = shutil.copytree(REPOSITORY / "decisions", tmp_path_factory.mktemp("elsewhere") / "decisions")
    replace(folder / "packaging" / "decision.yml", "host: 127.0.0.1", 'host: "{name}.example"')
    return catalogue.load(folder)


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), "utf-8")


def test_a_misspelled_trait_is_no_answer(shop: Project) -> None:
    assert shop.has("tables")
    assert not shop.has("no_authentication")
    assert isinstance(shop.has("publishes_events"), bool)
    with pytest.raises(ValueError, match="'tabels' is no trait"):
        shop.has("tabels")


class TestCommands:
    def test_are_those_of_the_package_manager(self, shop: Project) -> None:
        assert shop.run("plan check") == "uv run plan check"
        assert shop.run_with("asyncpg==1", "migrate") == "uv run --with asyncpg==1 migrate"

    def test_stand_in_the_words_of_options(self, shop: Project) -> None:
        assert (
            shop.spelled("{run:plan check} and {lock} write {lock_file}")
            == "uv run plan check and uv lock write uv.lock"
        )
        assert shop.decision("packaging").confirmed_by.endswith("and uv run dev starts them.")
        assert "uv run serve" in shop.decision("packaging").practice

    def test_leave_other_words_and_what_nobody_knows_as_they_are(self, shop: Project) -> None:
        assert shop.spelled("{service} at {url}, {sync_all} {run:}") == "{service} at {url}, {sync_all} {run:}"
        assert with_commands("{run:dev}", None) == "{run:dev}"

    def test_leave_somebody_s_own_words_as_they_are(self) -> None:
        own = {"packaging": {"confirmed_by": "We type {run:dev}."}}
        assert (
            build(SHOP | {"decision_overrides": own}, REAL).project.decision("packaging").confirmed_by
            == "We type {run:dev}."
        )

    def test_note_the_decision_where_there_is_one_alone(self, shop: Project) -> None:
        for read, answers in (
            (lambda: shop.run("dev"), {"package_manager"}),
            (lambda: shop.spelled("{lock}"), {"package_manager"}),
            (lambda: shop.spelled("no command"), set()),
            (lambda: shop.decision("packaging").practice, {"packaging", "package_manager"}),
            (lambda: shop.decision("serialization").confirmed_by, {"serialization"}),
            (lambda: shop.manager, set()),
        ):
            with tracking() as noted:
                read()
            assert noted == answers


def test_comments_begin_below_each_other() -> None:
    assert commented([("go", "starts"), ("go fast", "hurries")]) == "go        # starts\ngo fast   # hurries"


class TestAddresses:
    def test_are_on_this_machine(self, shop: Project) -> None:
        assert [it.address for it in shop.servers] == ["127.0.0.1:6379", "127.0.0.1:5432"]
        assert shop.url("stock") == "http://127.0.0.1:8001"

    def test_are_wherever_the_way_of_packaging_says(self, elsewhere: Catalogue) -> None:
        generation = build(SHOP, elsewhere)
        made, planning = generation.project, generation.planning
        settings = {it.name: it.default for it in made.environment}
        assert settings["STOCK_URL"] == "http://stock.example:8001"
        assert settings["REDIS_URL"] == "redis://redis.example:6379/0"
        assert settings["DATABASE_ADMIN_URL"].endswith("@postgres.example:5432/postgres")
        assert (
            settings["SALES_DATABASE_URL"] == "postgresql+asyncpg://shop_sales:development@postgres.example:5432/shop"
        )
        assert made.row_storage is not None
        assert "@postgres.example:5432/" in made.row_storage.url
        assert [it.host for it in made.processes] == ["stock.example", "sales.example"]
        assert [it.public for it in planning.specifications] == [it.base for it in planning.specifications]

    def test_of_a_process_before_the_services_too(self, elsewhere: Catalogue) -> None:
        made = build(SHOP | {"topology": "gateway"}, elsewhere).project
        assert made.gateway is not None
        assert made.public_url(made.product.by_name["stock"]).startswith(f"http://{made.gateway.name}.example:")
