"""Products with rules, routes and queries of their own fit into owned files, and stay whole when decisions change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from copies import Generate, Reanswer
from projects import REPOSITORY, answers, check_whole, model, need_postgres, run

PRODUCTS = REPOSITORY / "tests" / "products"
"""A folder for each: its answers, and what its people wrote."""
NAMES = sorted(it.name for it in PRODUCTS.iterdir())


def built(generate: Generate, name: str) -> Path:
    """A product with what its people wrote."""
    project = generate(answers(PRODUCTS / name / "answers.yml"))
    for folder in ("services", "tests"):
        shutil.copytree(PRODUCTS / name / folder, project / folder, dirs_exist_ok=True)
    own = PRODUCTS / name / ".env.example"
    with (project / ".env.example").open("a", encoding="utf-8") as settings:
        settings.write(own.read_text("utf-8") if own.exists() else "")
    run(project, "plan", "routes")
    return project


DESCRIBED = {
    "fares": "| `get_quote` | GET | `/v1/quote` | Tell what a trip costs. "
    "| everybody | `km` | 200 `Quote` | 422 Unprocessable Content, 503 Service Unavailable | – |",
    "ledger": "| `make_transfer` | POST | `/v1/transfers` | Move money between two accounts. "
    "| callers who prove who they are | `Transfer` | 204 | 401 Unauthorized, 404 Not Found, 409 Conflict, "
    "422 Unprocessable Content, 503 Service Unavailable | FR-001 |",
    "reader": "| `list_newest_feeds` | GET | `/v1/feeds/newest` | List the titles of the newest feeds, for everybody. "
    "| everybody | – | 200 `list[str]` | 422 Unprocessable Content, 503 Service Unavailable | – |",
}
"""What Planning/Routes.md says of a route of each."""


def check_product(project: Path) -> None:
    """Fail unless a product is whole, and its code is what its documents say."""
    check_whole(project)
    findings = run(project, "python", "-c", FINDINGS)
    assert findings.splitlines()[-1] == "[]"


FINDINGS = """
from pathlib import Path
from scripts.planning import checks, code, model
project = checks.Project(Path.cwd(), model.load(Path.cwd()), "2026-01-01")
found = (*checks.documents(project), *code.code(project))
print([str(it) for it in found if it.level == "drift"])
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_product_fits_into_owned_files_and_stays_whole(generate: Generate, reanswer: Reanswer, name: str) -> None:
    project = built(generate, name)
    written = {it.relative_to(PRODUCTS / name).as_posix() for it in (PRODUCTS / name).rglob("*.py")}
    tests = {it for it in written if it.startswith("tests/acceptance/")}
    assert written - tests <= {*yaml.safe_load((project / "Planning" / "model.json").read_text("utf-8"))["owned"]}
    described = (project / "Planning" / "Routes.md").read_text("utf-8")
    assert DESCRIBED[name] in described.splitlines()
    check_product(project)

    need_postgres()
    entity, *others = yaml.safe_load((PRODUCTS / name / "answers.yml").read_text("utf-8"))["data_entities"]
    entities = [entity.replace(")", ", remark: text?)", 1), *others]
    reanswer(project, storage_kind="postgres", logging="plain", data_entities=entities)
    assert model(project).product.entities
    assert {it: (project / it).read_text("utf-8") for it in written} == {
        it: (PRODUCTS / name / it).read_text("utf-8") for it in written
    }
    assert (project / "Planning" / "Routes.md").read_text("utf-8") == described
    check_product(project)
